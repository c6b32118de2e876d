"""Conversion of input structures to validated `ase.Atoms`."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from ase import Atoms
from ase.geometry import complete_cell
from scipy.spatial import cKDTree

from ase_orbital.elements import SYMBOLS
from ase_orbital.errors import OrbitalError, StructureError
from ase_orbital.numerics.interpreter import interpreter
from ase_orbital.numerics.jit import compiled, inner
from ase_orbital.numerics.vectors import dot, inverted
from ase_orbital.occupancy import check_occupancy, is_whole
from ase_orbital.readers import read_frames

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import TypeAlias

    from numpy.typing import NDArray
    from pymatgen.core import Molecule, Structure

    AtomsLike: TypeAlias = Atoms | Structure | Molecule | str | Path
    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

T = TypeVar("T")

# Å^3. Diamond has 5.7 and solid cesium 110; with lengths in nm or pm, nearly every crystal
# is outside this window.
VOLUME_PER_ATOM = (1.0, 5000.0)
CLOSEST = 0.3  # Å; closer atoms are one atom written twice, or lengths are in nm
FARTHEST = 1e5  # Å; no structure is that large
N_NUMBERS = len(SYMBOLS)  # all atomic numbers are below
MAX_SWEPT = 2000  # atoms; in larger crystals a k-d tree is faster
FLATTEST = 1e-6  # smallest ratio of a cell's volume to the product of its lengths


def to_atoms(structure: AtomsLike) -> Atoms:
    """Convert a structure to Atoms and validate it.

    Parameters
    ----------
    structure
        `ase.Atoms` (returned as it is, never changed), a pymatgen `Structure` or
        `Molecule`, or the path of a file that ASE reads (its last frame is used).

    Raises
    ------
    StructureError
        If the file does not exist, there are no atoms, a position or the cell is not
        finite, a site is partially occupied, a periodic direction has no vector of its own,
        the volume is unphysical, or two atoms coincide.
    """
    atoms = as_atoms(structure)
    validate(atoms)
    return atoms


def as_atoms(structure: AtomsLike) -> Atoms:
    """Convert a structure to Atoms without validating it.

    Raises
    ------
    StructureError
        If the type is not supported, or a site is partially occupied.
    """
    if isinstance(structure, Atoms):
        return structure
    if isinstance(structure, str | Path):
        (atoms,) = read_frames(structure, index="-1:")
        return atoms
    if hasattr(structure, "sites"):
        return _from_pymatgen(structure)
    raise StructureError(
        f"a {type(structure).__name__} is not a structure; give ase.Atoms, a pymatgen "
        "Structure or Molecule, or the path of a file"
    )


def info_of(structure: Atoms | Structure | Molecule) -> dict[str, Any]:
    """Return the metadata of a structure: `info`, or pymatgen's `properties`."""
    info: dict[str, Any] = (
        structure.info if isinstance(structure, Atoms) else structure.properties
    )
    return info


def to_atoms_many(structures: Iterable[AtomsLike]) -> list[Atoms]:
    """Convert and validate many structures, see `to_atoms`.

    Raises
    ------
    StructureError
        With a note that gives the index of the structure in the list.
    """
    return list(each_named(to_atoms, structures))


def each_named(
    convert: Callable[[AtomsLike], T], structures: Iterable[AtomsLike]
) -> Iterator[T]:
    """Convert structures one by one, and add the index of the structure to an error."""
    if isinstance(structures, str | Path | Atoms) or hasattr(structures, "sites"):
        raise StructureError(
            f"{structures} is one structure or file, and this takes a list; put it in "
            "brackets, or read a file's frames with ase.io.read(path, ':')"
        )
    if not hasattr(structures, "__iter__"):
        raise StructureError(f"{structures!r} is no list of structures")
    for index, structure in enumerate(structures):
        try:
            yield convert(structure)
        except OrbitalError as error:
            error.add_note(f"this is structure {index} of the list")
            raise


def validate(atoms: Atoms) -> None:
    """Raise StructureError if a structure is incomplete or unphysical."""
    try:
        _validate(atoms)
    except OrbitalError:
        raise
    except Exception as error:
        # Arrays of objects, say: one strange structure must not end a run over many.
        reason = f"{type(error).__name__}: {error}"
        raise StructureError(f"the structure cannot be checked: {reason}") from error


def _validate(atoms: Atoms) -> None:
    check_occupancy(atoms)
    interpreter.begin_job(len(atoms))
    if _is_sound(atoms.numbers, atoms.positions, atoms.cell.array, atoms.pbc):
        return
    if len(atoms) == 0:
        raise StructureError("atoms has no atoms")
    strange = np.flatnonzero((atoms.numbers < 1) | (atoms.numbers >= N_NUMBERS))
    if strange.size:
        raise StructureError(
            f"atom {strange[0]} is no element (atomic number {atoms.numbers[strange[0]]}); "
            "remove dummy atoms or give them a species"
        )
    if not np.isfinite(atoms.positions).all():
        index = int(np.flatnonzero(~np.isfinite(atoms.positions).all(axis=1))[0])
        raise StructureError(
            f"atom {index} ({atoms.symbols[index]}) has position "
            f"{atoms.positions[index].tolist()}; every coordinate must be a finite number"
        )
    if np.abs(atoms.positions).max() > FARTHEST:
        index = int(np.abs(atoms.positions).max(axis=1).argmax())
        raise StructureError(
            f"atom {index} ({atoms.symbols[index]}) is at "
            f"{atoms.positions[index].tolist()}, more than {FARTHEST:g} Å away; are "
            "positions in Angstrom? (wrap those of a crystal: atoms.wrap())"
        )
    if not np.isfinite(atoms.cell.array).all():
        raise StructureError(f"the cell {atoms.cell.array.tolist()} is not finite")
    if atoms.pbc.any():
        _check_cell(atoms)
    if len(atoms) > 1:
        _check_distances(atoms)


@compiled
def _is_sound(
    numbers: Integers, positions: Floats, cell: Floats, periodic: NDArray[np.bool_]
) -> bool:
    """Whether a crystal passes all checks of `validate`, in a tenth of the time."""
    n = len(numbers)
    if n == 0 or n > MAX_SWEPT or not (periodic[0] and periodic[1] and periodic[2]):
        return False
    for i in range(n):
        if not 1 <= numbers[i] < N_NUMBERS:
            return False
        for a in range(3):
            if not abs(positions[i, a]) <= FARTHEST:  # also false for NaN
                return False
    reciprocal, box = np.empty((3, 3)), 1.0
    volume = abs(inverted(cell, reciprocal))
    for a in range(3):
        box *= math.sqrt(dot(cell[a], cell[a]))
    low, high = VOLUME_PER_ATOM
    if not (low * n < volume < high * n and volume > FLATTEST * box):
        return False
    return not _any_coincide(positions, cell, reciprocal)


@inner
def _any_coincide(positions: Floats, cell: Floats, reciprocal: Floats) -> bool:
    """Whether two atoms of a crystal coincide, by sweeping a plane along one axis."""
    n = len(positions)
    fractions, slab = np.empty((n, 3)), np.empty(3)
    order, along = np.empty(n, np.int64), np.empty(n)
    axis, widest = 0, -1.0
    for a in range(3):
        # Coincident atoms lie in a slab of this thickness, in fractions.
        slab[a] = CLOSEST * math.sqrt(dot(reciprocal[a], reciprocal[a]))
        lowest, highest = 1.0, 0.0
        for i in range(n):
            fraction = dot(positions[i], reciprocal[a])
            fraction -= math.floor(fraction)
            fractions[i, a] = fraction
            lowest, highest = min(lowest, fraction), max(highest, fraction)
        if highest - lowest > widest * slab[a]:
            axis, widest = a, (highest - lowest) / slab[a]
    for i in range(n):
        order[i], along[i] = i, fractions[i, axis]
    gap = n  # Shell's sort, which compiles faster than numpy.argsort
    while gap > 1:
        gap = max(1, int(gap / 2.3))
        for k in range(gap, n):
            i, height, place = order[k], along[k], k
            while place >= gap and along[place - gap] > height:
                order[place], along[place] = order[place - gap], along[place - gap]
                place -= gap
            order[place], along[place] = i, height
    for place in range(n):
        i = order[place]
        for following in range(place + 1, place + n):
            outside = following >= n  # then its image in the next cell
            other = following - n if outside else following
            if along[other] - along[place] + outside > slab[axis]:
                break
            j = order[other]
            x = y = z = 0.0
            for a in range(3):
                step = fractions[j, a] - fractions[i, a]
                step -= round(step)
                x += step * cell[a, 0]
                y += step * cell[a, 1]
                z += step * cell[a, 2]
            if x * x + y * y + z * z < CLOSEST * CLOSEST:
                return True
    return False


def _check_cell(atoms: Atoms) -> None:
    cell = atoms.cell.array
    lengths = np.linalg.norm(cell, axis=1)
    for axis in np.flatnonzero(atoms.pbc & (lengths == 0.0)):
        raise StructureError(
            f"cell vector {axis} is zero but pbc[{axis}] is True; set pbc or the cell"
        )
    # Volume of the parallelepiped of the unit vectors.
    used = cell[lengths > 0.0] / lengths[lengths > 0.0, None]
    if np.sqrt(abs(np.linalg.det(used @ used.T))) < FLATTEST:
        raise StructureError(
            f"the cell is singular: vectors {cell.tolist()} lie in a plane or on a line; "
            "give linearly independent cell vectors"
        )
    if atoms.pbc.all():
        volume = abs(float(np.linalg.det(cell))) / len(atoms)
        low, high = VOLUME_PER_ATOM
        if not low <= volume <= high:
            raise StructureError(
                f"the volume per atom is {volume:.4g} Å^3, outside {low:g} to {high:g}; "
                "are cell and positions in Angstrom? "
                "(for an isolated molecule set pbc=False)"
            )


def _check_distances(atoms: Atoms) -> None:
    """Raise StructureError if two atoms coincide, also across a face of the cell."""
    cell = lattice(atoms)
    inverse = np.linalg.inv(cell)
    fractions = atoms.positions @ inverse
    # Twice, because tiny negative numbers become 1.0, which the tree refuses.
    fractions[:, atoms.pbc] = fractions[:, atoms.pbc] % 1.0 % 1.0
    max_step = CLOSEST * np.linalg.norm(inverse, axis=0).max()
    tree = cKDTree(fractions, boxsize=atoms.pbc.astype(float))
    pairs = tree.query_pairs(min(max_step, 0.5), p=np.inf, output_type="ndarray")
    if not len(pairs):
        return
    steps = fractions[pairs[:, 1]] - fractions[pairs[:, 0]]
    steps -= np.round(steps) * atoms.pbc
    distances = np.linalg.norm(steps @ cell, axis=1)
    if distances.min() < CLOSEST:
        one, other = pairs[distances.argmin()].tolist()
        raise coincidence(atoms, one, other)


def _from_pymatgen(structure: Structure | Molecule) -> Atoms:
    from pymatgen.core import DummySpecies

    for index, site in enumerate(structure.sites):
        # Fe2+ and Fe3+ are one element here.
        elements = site.species.element_composition
        if len(elements) != 1 or not is_whole(elements.num_atoms):
            raise StructureError(
                f"site {index} is partially occupied ({site.species_string}); "
                "make an ordered structure first"
            )
        if any(isinstance(species, DummySpecies) for species in site.species):
            raise StructureError(
                f"site {index} ({site.species_string}) is no element; "
                "remove dummy atoms or give them a species"
            )
    lattice = getattr(structure, "lattice", None)
    return Atoms(
        numbers=[next(iter(site.species)).Z for site in structure.sites],
        positions=structure.cart_coords,
        cell=None if lattice is None else lattice.matrix,
        pbc=False if lattice is None else lattice.pbc,
    )


def lattice(atoms: Atoms) -> NDArray[np.float64]:
    """Return lattice vectors as rows, [3, 3], with unit vectors along open directions. Å.

    The cell's own vectors along open directions have no meaning and may be dependent.
    """
    if atoms.pbc.all():
        return np.asarray(atoms.cell.array)
    return np.asarray(complete_cell(atoms.cell.array * atoms.pbc[:, None]))


def coincidence(atoms: Atoms, one: int, other: int) -> StructureError:
    """Create the error for two coincident atoms."""
    first, second = (f"{index} ({atoms.symbols[index]})" for index in (one, other))
    who = (
        f"atom {first} and its own image" if one == other else f"atoms {first} and {second}"
    )
    return StructureError(
        f"{who} are closer than {CLOSEST} Å; "
        "remove one, or check that positions and cell are in Angstrom"
    )


def digest(atoms: Atoms) -> str:
    """Hash a structure, as a key for caches.

    The hash covers numbers, positions, cell and pbc. Atoms with equal hashes get equal
    predictions, whatever their `info`, constraints or calculator.
    """
    content = hashlib.blake2b(digest_size=16)
    for array in (atoms.numbers, atoms.positions, atoms.cell.array, atoms.pbc):
        content.update(np.ascontiguousarray(array).tobytes())
    return content.hexdigest()
