"""The one gate in: whatever a user holds becomes a checked `ase.Atoms`."""

from __future__ import annotations

import gzip
import hashlib
import io
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from ase import Atoms
from ase.geometry import complete_cell
from ase.io import read
from ase.io.formats import UnknownFileTypeError
from scipy.spatial import cKDTree

from ase_orbital.elements import SYMBOLS
from ase_orbital.errors import OrbitalError, StructureError
from ase_orbital.numerics.jit import compiled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import TypeAlias

    from numpy.typing import NDArray
    from pymatgen.core import Molecule, Structure

    AtomsLike: TypeAlias = Atoms | Structure | Molecule | str | Path
    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

# Å^3 an atom. Diamond has 5.7 and solid cesium 110; ten times too small or too large a
# length unit leaves this window for nearly every crystal.
VOLUME_PER_ATOM = (1.0, 5000.0)
CLOSEST = 0.3  # Å; nearer than this, two atoms are one written twice, or lengths are in nm
FARTHEST = 1e5  # Å; no structure reaches so far
N_NUMBERS = len(SYMBOLS)  # atomic numbers are below
MOST_SWEPT = 2000  # atoms; in a larger crystal one plane has so many that a tree is faster
FLATTEST = 1e-6  # volume of a cell over the product of its lengths


def to_atoms(structure: AtomsLike) -> Atoms:
    """Turn any accepted form of a structure into checked Atoms.

    Parameters
    ----------
    structure
        `ase.Atoms` (returned as it is, never changed), a pymatgen `Structure` or
        `Molecule`, or the path of a file ASE reads (its last frame).

    Raises
    ------
    StructureError
        If there is no file, no atom, a position or cell that is not finite, a site shared
        by several elements, a periodic direction without a vector of its own, a volume that
        no crystal has, or two atoms at one place.
    """
    atoms = as_atoms(structure)
    check(atoms)
    return atoms


def as_atoms(structure: AtomsLike) -> Atoms:
    """Turn any accepted form of a structure into Atoms, unchecked.

    Raises
    ------
    StructureError
        If it is none of them, or Atoms cannot hold it, as a site of several elements.
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
    """What a structure carries beside its atoms: `info`, or pymatgen's `properties`."""
    info: dict[str, Any] = (
        structure.info if isinstance(structure, Atoms) else structure.properties
    )
    return info


def to_atoms_many(structures: Iterable[AtomsLike]) -> list[Atoms]:
    """Turn many structures into checked Atoms, as `to_atoms`.

    Raises
    ------
    StructureError
        With a note saying which structure of the list it is.
    """
    return list(each_named(to_atoms, structures))


def each_named(
    accept: Callable[[AtomsLike], Atoms], structures: Iterable[AtomsLike]
) -> Iterator[Atoms]:
    """Accept structures one by one; an error says which of the list it is about."""
    if isinstance(structures, str | Path | Atoms):
        raise StructureError(
            f"{structures} is one structure or file, and this takes a list; put it in "
            "brackets, or read a file's frames with ase.io.read(path, ':')"
        )
    for index, structure in enumerate(structures):
        try:
            yield accept(structure)
        except OrbitalError as error:
            error.add_note(f"this is structure {index} of the list")
            raise


def check(atoms: Atoms) -> None:
    """Raise StructureError for anything that makes the rest meaningless."""
    _check_occupancy(atoms)
    if _sound(atoms.numbers, atoms.positions, atoms.cell.array, atoms.pbc):
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
def _sound(
    numbers: Integers, positions: Floats, cell: Floats, periodic: NDArray[np.bool_]
) -> bool:
    """Whether a crystal passes all that `check` looks at, told in a tenth of the time."""
    n = len(numbers)
    if n == 0 or n > MOST_SWEPT or not periodic.all():
        return False
    for i in range(n):
        if not 1 <= numbers[i] < N_NUMBERS:
            return False
        for a in range(3):
            if not abs(positions[i, a]) <= FARTHEST:  # nor is what is not a number
                return False
    reciprocal, lengths = np.empty((3, 3)), 1.0
    for a in range(3):
        one, two, square = cell[(a + 1) % 3], cell[(a + 2) % 3], 0.0
        for b in range(3):
            c, d = (b + 1) % 3, (b + 2) % 3
            reciprocal[a, b] = one[c] * two[d] - one[d] * two[c]
            square += cell[a, b] ** 2
        lengths *= math.sqrt(square)
    volume = 0.0
    for b in range(3):
        volume += reciprocal[0, b] * cell[0, b]
    low, high = VOLUME_PER_ATOM
    if not (low * n < abs(volume) < high * n and abs(volume) > FLATTEST * lengths):
        return False
    return _apart(positions, cell, reciprocal / volume)


@compiled
def _apart(positions: Floats, cell: Floats, reciprocal: Floats) -> bool:
    """Whether no two atoms of a crystal coincide, by sweeping a plane through it."""
    n = len(positions)
    fractions, reach, axis, widest = np.empty((n, 3)), np.empty(3), 0, -1.0
    for a in range(3):
        square = 0.0
        for b in range(3):
            square += reciprocal[a, b] ** 2
        reach[a] = CLOSEST * math.sqrt(square)
        least, most = 1.0, 0.0
        for i in range(n):
            fraction = 0.0
            for b in range(3):
                fraction += positions[i, b] * reciprocal[a, b]
            fractions[i, a] = fraction - math.floor(fraction)
            least, most = min(least, fractions[i, a]), max(most, fractions[i, a])
        if (most - least) / reach[a] > widest:
            axis, widest = a, (most - least) / reach[a]
    order = np.argsort(fractions[:, axis])
    for place in range(n):
        i = order[place]
        for other in range(place + 1, place + n):
            j = order[other % n]
            ahead = fractions[j, axis] - fractions[i, axis] + (other >= n)
            if ahead > reach[axis]:
                break
            square = 0.0
            for b in range(3):
                along = 0.0
                for a in range(3):
                    step = fractions[j, a] - fractions[i, a]
                    along += (step - round(step)) * cell[a, b]
                square += along * along
            if square < CLOSEST * CLOSEST:
                return False
    return True


def _check_cell(atoms: Atoms) -> None:
    cell = atoms.cell.array
    lengths = np.linalg.norm(cell, axis=1)
    for axis in np.flatnonzero(atoms.pbc & (lengths == 0.0)):
        raise StructureError(
            f"cell vector {axis} is zero but pbc[{axis}] is True; set pbc or the cell"
        )
    # The sine-like factor: volume of the parallelepiped of unit vectors.
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
    """Refuse atoms that coincide, also across the faces of the cell."""
    cell = lattice(atoms)
    inverse = np.linalg.inv(cell)
    fractions = atoms.positions @ inverse
    # Twice: rounding makes 1 out of a hair below 0, which a torus does not have.
    fractions[:, atoms.pbc] = fractions[:, atoms.pbc] % 1.0 % 1.0
    reach = CLOSEST * np.linalg.norm(inverse, axis=0).max()
    tree = cKDTree(fractions, boxsize=atoms.pbc.astype(float))
    pairs = tree.query_pairs(min(reach, 0.5), p=np.inf, output_type="ndarray")
    if not len(pairs):
        return
    steps = fractions[pairs[:, 1]] - fractions[pairs[:, 0]]
    steps -= np.round(steps) * atoms.pbc
    distances = np.linalg.norm(steps @ cell, axis=1)
    if distances.min() < CLOSEST:
        one, other = pairs[distances.argmin()].tolist()
        raise coincidence(atoms, one, other)


def _check_occupancy(atoms: Atoms) -> None:
    """Refuse what ASE's CIF reader notes of partially occupied sites.

    The reader keeps the majority species of each site and writes
    {kind: {symbol: occupancy}} into `info`; others use the key for what they like.
    """
    noted = atoms.info.get("occupancy")
    sites = noted.items() if isinstance(noted, dict) else ()
    for kind, species in sites:
        if not isinstance(species, dict):
            continue
        if len(species) > 1 or abs(sum(species.values()) - 1.0) > 1e-3:
            shares = ", ".join(f"{symbol} {share:g}" for symbol, share in species.items())
            kinds = atoms.arrays.get("spacegroup_kinds")
            atom = "" if kinds is None else _first_atom(kinds, int(kind))
            raise StructureError(
                f"site {kind}{atom} is partially occupied ({shares}); make an ordered "
                "structure first, and delete atoms.info['occupancy']"
            )


def _first_atom(kinds: NDArray[np.integer[Any]], kind: int) -> str:
    found = np.flatnonzero(kinds == kind)
    return f" (atom {found[0]})" if len(found) else ""


def _from_pymatgen(structure: Structure | Molecule) -> Atoms:
    from pymatgen.core import DummySpecies

    for index, site in enumerate(structure.sites):
        if not site.is_ordered or abs(site.species.num_atoms - 1.0) > 1e-3:
            raise StructureError(
                f"site {index} is partially occupied ({site.species_string}); "
                "make an ordered structure first"
            )
        if isinstance(site.specie, DummySpecies):
            raise StructureError(
                f"site {index} ({site.species_string}) is no element; "
                "remove dummy atoms or give them a species"
            )
    lattice = getattr(structure, "lattice", None)
    return Atoms(
        numbers=[site.specie.Z for site in structure.sites],
        positions=structure.cart_coords,
        cell=None if lattice is None else lattice.matrix,
        pbc=False if lattice is None else lattice.pbc,
    )


def read_frames(path: str | Path, index: str = ":", form: str | None = None) -> list[Atoms]:
    """Frames of a file, unchecked; `index` is ASE's, such as "-1:" for the last.

    `form` is ASE's name of the file's format; None to tell it from the file.

    Raises
    ------
    StructureError
        If there is no such file, or ASE cannot read it.
    """
    path = Path(path)
    if path.is_dir():
        raise StructureError(f"{path} is a folder, not a file")
    if not path.is_file():
        raise StructureError(f"there is no file {path}")
    try:
        frames = _read(path, index, form)
    except UnknownFileTypeError as error:
        raise StructureError(f"ASE knows no format for {path}: {error}") from error
    except Exception as error:
        # ASE's readers raise whatever their parsing meets, from KeyError to StopIteration.
        raise StructureError(
            f"{path} cannot be read: {type(error).__name__}: {error}"
        ) from error
    if not frames:
        raise StructureError(f"{path} holds no structure")
    return list(frames)


def _read(path: Path, index: str, form: str | None) -> list[Atoms]:
    if form is None and path.name.endswith((".extxyz.gz", ".xyz.gz")):
        # ASE seeks in the compressed stream for every frame, in quadratic time.
        with gzip.open(path, "rt", encoding="utf-8") as file:
            return list(read(io.StringIO(file.read()), index=index, format="extxyz"))
    return list(read(path, index=index, format=form, do_not_split_by_at_sign=True))


def lattice(atoms: Atoms) -> NDArray[np.float64]:
    """Rows are lattice vectors, Å, [3, 3]; unit vectors along open directions.

    The cell's own vectors of open directions mean nothing, and need not be independent.
    """
    cell: NDArray[np.float64] = atoms.cell.array
    if atoms.pbc.all():
        return cell
    return np.asarray(complete_cell(cell * atoms.pbc[:, None]))


def coincidence(atoms: Atoms, one: int, other: int) -> StructureError:
    """Make the error for two atoms at one place."""
    first, second = (f"{index} ({atoms.symbols[index]})" for index in (one, other))
    who = (
        f"atom {first} and its own image" if one == other else f"atoms {first} and {second}"
    )
    return StructureError(
        f"{who} are closer than {CLOSEST} Å; "
        "remove one, or check that positions and cell are in Angstrom"
    )


def digest(atoms: Atoms) -> str:
    """Name a structure by its content, for caches.

    Covers numbers, positions, cell and pbc, and nothing else: two Atoms with equal digest
    get equal predictions whatever their `info`, constraints or calculator.
    """
    content = hashlib.blake2b(digest_size=16)
    for array in (atoms.numbers, atoms.positions, atoms.cell.array, atoms.pbc):
        content.update(np.ascontiguousarray(array).tobytes())
    return content.hexdigest()
