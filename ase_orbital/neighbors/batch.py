"""Neighbor lists and equivalent atoms of many structures in one set of arrays."""

from __future__ import annotations

from numbers import Real
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from ase.geometry import complete_cell

from ase_orbital.errors import SettingError, StructureError
from ase_orbital.neighbors.cell_list import DONE, bin_atoms
from ase_orbital.neighbors.equivalent_atoms import TOLERANCE, find_equivalent_atoms
from ase_orbital.neighbors.pairs import append_pairs
from ase_orbital.numerics.interpreter import interpreter
from ase_orbital.numerics.jit import compiled
from ase_orbital.numerics.threads import balanced_chunks, each_on_one_thread
from ase_orbital.structure import CLOSEST, coincidence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

LONGEST = 100.0  # Å; about 400,000 atoms are so near to another one
MAX_ATOMS = 1024  # that one thread searches at a time
TYPICAL_PAIRS = 64  # of an atom; with more, a job counts as one of more atoms
COINCIDENT = 3  # what is wrong with a structure, beside what `cell_list` finds
# What the indices in each field count: the length of which other field.
COUNTED = {
    "first_atom": "numbers", "center": "numbers", "neighbor": "numbers",
    "representative": "numbers", "first_pair": "center",
    "first_inequivalent": "representative", "inequivalent_index": "representative",
}  # fmt: skip


class NeighborBatch(NamedTuple):
    """Structures, their neighbor lists and their equivalent atoms.

    All indices count through the whole batch. Compiled functions take a batch as one
    argument.

    Attributes
    ----------
    numbers : [n_atoms]
        Atomic numbers.
    positions : [n_atoms, 3]
        As given, in Å.
    cells : [n_structures, 3, 3]
        Rows are cell vectors, Å.
    pbc : [n_structures, 3]
        Periodic directions.
    first_atom : [n_structures + 1]
        Atoms of structure s are `first_atom[s]` to `first_atom[s + 1]`.
    center, neighbor : [n_pairs]
        Atoms of each pair. Pairs are directed, listed from both sides, and sorted by center
        and then by distance. A periodic image of an atom is a neighbor of its own, so an
        atom may be paired with itself.
    shift : [n_pairs, 3]
        Cell vectors to add to the neighbor's position to reach the image meant.
    vector : [n_pairs, 3]
        From center to neighbor, Å.
    distance : [n_pairs]
        Å.
    first_pair : [n_atoms + 1]
        Pairs of atom i are `first_pair[i]` to `first_pair[i + 1]`.
    representative : [n_inequivalent]
        First atom of each class of equivalent atoms.
    multiplicity : [n_inequivalent]
        Number of atoms in each class.
    first_inequivalent : [n_structures + 1]
        Classes of structure s are `first_inequivalent[s]` to `first_inequivalent[s + 1]`.
    inequivalent_index : [n_atoms]
        Class of each atom.
    tolerance
        Distance up to which atoms count as equivalent. Å.
    """

    numbers: Integers
    positions: Floats
    cells: Floats
    pbc: NDArray[np.bool_]
    first_atom: Integers
    center: Integers
    neighbor: Integers
    shift: Integers
    vector: Floats
    distance: Floats
    first_pair: Integers
    representative: Integers
    multiplicity: Integers
    first_inequivalent: Integers
    inequivalent_index: Integers
    tolerance: float

    @property
    def lattices(self) -> Floats:
        """Cells with unit vectors along open directions, [n_structures, 3, 3]. Å.

        A cell's own vectors along open directions mean nothing and may be dependent.
        """
        lattices = self.cells.copy()
        for s in np.flatnonzero(~self.pbc.all(axis=1)):
            lattices[s] = complete_cell(self.cells[s] * self.pbc[s][:, None])
        return lattices


class Extension(NamedTuple):
    """A larger cutoff for structures where an atom has too few near neighbors.

    A structure is searched up to `cutoff` (Å) if one of its atoms has at most
    `n_neighbors` neighbors within `near` (Å).
    """

    cutoff: float
    n_neighbors: int
    near: float


NO_EXTENSION = Extension(0.0, 0, 0.0)


def check_cutoff(name: str, value: object) -> None:
    """Raise SettingError if a distance to search is not between 0 and `LONGEST`."""
    if not (isinstance(value, Real) and 0.0 < float(value) <= LONGEST):
        raise SettingError(
            f"{name} must be a length above 0 and up to {LONGEST:g} Å, not {value!r}"
        )


def neighbor_batch(
    structures: Sequence[Atoms],
    cutoff: float,
    dtype: str = "float64",
    *,
    symmetry: bool = True,
    extension: Extension = NO_EXTENSION,
) -> NeighborBatch:
    """Find the neighbors and the equivalent atoms of structures.

    Parameters
    ----------
    structures
        At least one; all have passed `to_atoms`.
    cutoff
        All pairs up to this distance are found. Å. With 0.0 there are no pairs, and all
        atoms count as inequivalent.
    dtype
        Precision of what is computed from the batch, "float32" or "float64". Atoms that it
        cannot tell apart are equivalent.
    symmetry
        Whether to look for equivalent atoms.
    extension
        Where to search farther than the cutoff.

    Raises
    ------
    SettingError
        If the cutoff is below 0 or above 100 Å.
    StructureError
        If two atoms, or an atom and its own image, coincide, or a cell is flat.
    """
    if cutoff != 0.0:
        check_cutoff("cutoff", cutoff)

    def search(share: list[Atoms]) -> NeighborBatch:
        return _search(share, cutoff, TOLERANCE[dtype], symmetry, extension)

    sizes = [len(atoms) for atoms in structures]
    interpreter.begin_job(sum(sizes))
    shares = balanced_chunks(structures, sizes, MAX_ATOMS)
    batch = _joined(list(each_on_one_thread(search, shares)))
    interpreter.begin_job(len(batch.center) // TYPICAL_PAIRS)
    return batch


def _search(
    structures: list[Atoms],
    cutoff: float,
    tolerance: float,
    symmetry: bool,
    extension: Extension,
) -> NeighborBatch:
    """Search structures in one compiled call, which lets other threads go on."""
    numbers = np.concatenate([atoms.numbers for atoms in structures], dtype=np.int64)
    positions = np.concatenate([atoms.positions for atoms in structures], dtype=np.float64)
    cells = np.array([atoms.cell.array for atoms in structures], np.float64)
    pbc = np.array([atoms.pbc for atoms in structures])
    first_atom = np.cumsum([0, *(len(atoms) for atoms in structures)])
    given = numbers, positions, cells, pbc, first_atom
    if cutoff == 0.0:
        each, none = np.arange(len(numbers)), np.zeros((0, 3), np.int64)
        ends, ones = np.zeros(len(numbers) + 1, np.int64), np.ones(len(numbers), np.int64)
        pairs = none[:, 0], none[:, 0], none, none.astype(float), none[:, 0].astype(float)
        return NeighborBatch(*given, *pairs, ends, each, ones, first_atom, each, tolerance)
    n_atoms, failure = len(numbers), np.zeros(3, np.int64)
    first_pair, first_inequivalent = np.zeros(n_atoms + 1, np.int64), 0 * first_atom
    index, representative, multiplicity = np.empty((3, n_atoms), np.int64)
    images, places = _find(
        *given, cutoff, extension, symmetry, tolerance,
        first_pair, first_inequivalent, index, representative, multiplicity, failure,
    )  # fmt: skip
    if failure[0] == COINCIDENT:
        s = int(np.searchsorted(first_atom, failure[1], "right")) - 1
        one, other = (failure[1:] - first_atom[s]).tolist()
        raise coincidence(structures[s], one, other)
    if failure[0] != DONE:
        raise StructureError(
            f"positions and cell {cells[failure[1]].tolist()} must be finite numbers, and "
            "the periodic cell vectors must span a volume"
        )
    n_pairs, n_classes = first_pair[-1], first_inequivalent[-1]
    center, neighbor = np.empty((2, n_pairs), np.int64)
    shift, vector = np.empty((n_pairs, 3), np.int64), np.empty((n_pairs, 3))
    distance = np.empty(n_pairs)
    _write_pairs(
        images, places, first_atom, first_pair, center, neighbor, shift, vector, distance
    )
    return NeighborBatch(
        *given, center, neighbor, shift, vector, distance, first_pair,
        representative[:n_classes], multiplicity[:n_classes], first_inequivalent, index,
        tolerance,
    )  # fmt: skip


@compiled
def _write_pairs(
    images: Integers,
    places: Floats,
    first_atom: Integers,
    first_pair: Integers,
    center: Integers,
    neighbor: Integers,
    shift: Integers,
    vector: Floats,
    distance: Floats,
) -> None:
    """Write fields of the batch in one pass, which is faster than with numpy."""
    for s in range(len(first_atom) - 1):
        for i in range(first_atom[s], first_atom[s + 1]):
            for pair in range(first_pair[i], first_pair[i + 1]):
                center[pair], neighbor[pair] = i, first_atom[s] + images[pair, 0]
                distance[pair] = places[pair, 3]
                for a in range(3):
                    shift[pair, a] = images[pair, a + 1]
                    vector[pair, a] = places[pair, a]


@compiled
def _find(
    numbers: Integers,
    positions: Floats,
    cells: Floats,
    pbc: NDArray[np.bool_],
    first_atom: Integers,
    cutoff: float,
    extension: Extension,
    symmetry: bool,
    tolerance: float,
    first_pair: Integers,
    first_inequivalent: Integers,
    index: Integers,
    representative: Integers,
    multiplicity: Integers,
    failure: Integers,
) -> tuple[Integers, Floats]:
    """Search structures one after another; return the pairs as `append_pairs` does.

    Fields of the batch are written into the arrays behind the tolerance. `failure`, [3],
    says what went wrong: DONE; COINCIDENT and two atoms; or another reason and a structure.
    """
    images, places = np.empty((0, 4), np.int64), np.empty((0, 4))
    for s in range(len(cells)):
        begin, end, n_classes = first_atom[s], first_atom[s + 1], first_inequivalent[s]
        status, grid = bin_atoms(positions[begin:end], cells[s], pbc[s])
        if status != DONE:
            failure[0], failure[1] = status, s
            break
        first = first_pair[begin : end + 1]
        images, places = append_pairs(grid, cutoff, images, places, first)
        for i in range(end - begin):
            if first[i] < first[i + 1] and places[first[i], 3] < CLOSEST:
                failure[0], failure[1] = COINCIDENT, begin + i
                failure[2] = begin + images[first[i], 0]
                return images, places
        n = find_equivalent_atoms(
            grid, numbers[begin:end], images, places, first, symmetry, tolerance,
            index[begin:end], representative[n_classes:], multiplicity[n_classes:],
        )  # fmt: skip
        few = False
        for one in range(n_classes, n_classes + n):
            atom = representative[one]
            last = first[atom] + extension.n_neighbors
            few = few or last >= first[atom + 1] or places[last, 3] > extension.near
            representative[one] += begin
        if few and extension.cutoff > cutoff:
            images, places = append_pairs(grid, extension.cutoff, images, places, first)
        for i in range(begin, end):
            index[i] += n_classes
        first_inequivalent[s + 1] = n_classes + n
    return images, places


def _joined(parts: list[NeighborBatch]) -> NeighborBatch:
    """One batch of several, one behind the other."""
    if len(parts) == 1:
        return parts[0]
    fields: dict[str, Any] = {"tolerance": parts[0].tolerance}
    for name in NeighborBatch._fields[:-1]:
        if name in COUNTED:
            fields[name] = _counted(parts, name, COUNTED[name])
        else:
            fields[name] = np.concatenate([getattr(part, name) for part in parts])
    return NeighborBatch(**fields)


def _counted(parts: list[NeighborBatch], name: str, unit: str) -> Integers:
    """Indices of `unit`, such as atoms, that count through all parts."""
    before, found = 0, []
    for at, part in enumerate(parts):
        own = getattr(part, name) + before
        # Pointers end where those of the next part begin.
        found.append(own[1:] if at and name.startswith("first_") else own)
        before += len(getattr(part, unit))
    return np.concatenate(found)
