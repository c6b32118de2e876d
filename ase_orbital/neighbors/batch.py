"""What lies around the atoms of a structure: found once, for descriptors and graphs."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from ase_orbital.neighbors.cell_list import DONE, binned
from ase_orbital.neighbors.equivalent_atoms import TOLERANCE, Orbits, orbits_in
from ase_orbital.neighbors.pairs import Pairs, arranged, find_pairs, images_in
from ase_orbital.numerics.jit import compiled
from ase_orbital.numerics.threads import balanced_chunks, each_on_one_thread
from ase_orbital.structure import CLOSEST

if TYPE_CHECKING:
    from ase import Atoms
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

# Atoms a thread takes at a time, at most: each call and return of a thread has to wait for
# the others', and what many structures have in one array is moved once more.
SHARE = 256


@dataclass(frozen=True, kw_only=True, eq=False)
class Surroundings:
    """A structure with the pairs and the orbits of its atoms.

    Parameters
    ----------
    atoms
        Passed `to_atoms`.
    pairs
        Of all atoms, up to a radius.
    orbits
        Of the atoms; rows are made of the first of each.
    tolerance
        Up to which atoms are equivalent. Å.
    """

    atoms: Atoms
    pairs: Pairs
    orbits: Orbits
    tolerance: float


def survey(
    atoms: Atoms, radius: float, dtype: str = "float64", *, symmetry: bool = True
) -> Surroundings:
    """Find what lies around the atoms of a structure.

    Parameters
    ----------
    atoms
        Passed `to_atoms`.
    radius
        Of the pairs, Å. At zero there are none, and no orbits are looked for: whoever
        needs no pairs is faster without.
    dtype
        Precision of what is computed of it, "float32" or "float64": atoms that it cannot
        tell apart are equivalent.
    symmetry
        Whether orbits are looked for.

    Raises
    ------
    StructureError
        If two atoms coincide or the cell is flat.
    """
    (found,) = _survey([atoms], radius, TOLERANCE[dtype], symmetry=symmetry)
    return found


def survey_many(structures: list[Atoms], radius: float, dtype: str) -> list[Surroundings]:
    """`survey` many structures, in their order, on as many threads as torch has."""

    def work(share: list[Atoms]) -> list[Surroundings]:
        return _survey(share, radius, TOLERANCE[dtype], symmetry=True)

    shares = balanced_chunks(structures, [len(atoms) for atoms in structures], SHARE)
    return [around for part in each_on_one_thread(work, shares) for around in part]


def _survey(
    structures: list[Atoms], radius: float, tolerance: float, *, symmetry: bool
) -> list[Surroundings]:
    """`survey` at least one structure, all in one compiled call."""
    starts = np.cumsum([0, *map(len, structures)])
    bad, pair_starts, orbit_starts, pairs, orbits = _find(
        np.concatenate([atoms.numbers for atoms in structures]),
        np.concatenate([atoms.positions for atoms in structures]),
        starts,
        np.array([atoms.cell.array for atoms in structures]),
        np.array([atoms.pbc for atoms in structures]),
        radius,
        tolerance,
        symmetry and radius > 0.0,
    )
    if bad >= 0:
        find_pairs(structures[bad], radius)  # says what is wrong
    *of_pairs, first = pairs
    orbit, *of_orbits = orbits
    found = []
    # Lists, because arrays give numpy's whole numbers, with which a slice takes longer.
    bounds = [list(pairwise(ends.tolist())) for ends in (starts, pair_starts, orbit_starts)]
    for index, (atoms, (begin, end), own, chosen) in enumerate(
        zip(structures, *bounds, strict=True)
    ):
        of_own, of_chosen = slice(*own), slice(*chosen)
        # One number more than atoms: where the pairs of the last end.
        fields = [field[of_own] for field in of_pairs]
        fields.append(first[begin + index : end + index + 1])
        found.append(
            Surroundings(
                atoms=atoms,
                pairs=Pairs(*fields),
                orbits=Orbits(orbit[begin:end], *(field[of_chosen] for field in of_orbits)),
                tolerance=tolerance,
            )
        )
    return found


@compiled
def _find(
    numbers: Integers,
    positions: Floats,
    starts: Integers,
    cells: Floats,
    periodic: NDArray[np.bool_],
    radius: float,
    tolerance: float,
    symmetry: bool,
) -> tuple[int, Integers, Integers, tuple[Any, ...], tuple[Any, ...]]:
    """Pairs and orbits of structures, one behind the other.

    Returns
    -------
    bad
        The first structure for which it cannot be done, or -1.
    pair_starts, orbit_starts : [n_structures + 1]
    pairs, orbits
        Fields of Pairs and of Orbits, with indices that count in each structure.
    """
    n = len(cells)
    pair_starts, orbit_starts = np.zeros(n + 1, np.int64), np.zeros(n + 1, np.int64)
    pairs, orbits, bad = [], [], -1
    for s in range(n):
        begin, end = starts[s], starts[s + 1]
        status, grid = binned(positions[begin:end], cells[s], periodic[s])
        near = images_in(grid, radius)
        found = arranged(grid, *near, radius * radius)
        if status != DONE or (len(found[4]) and found[4].min() < CLOSEST):
            bad = s
            break
        each = np.arange(end - begin)
        alike = each, each, np.ones(end - begin, np.int64)
        if symmetry:
            alike = orbits_in(
                grid, numbers[begin:end], found[1], found[4], found[5], tolerance
            )
        pairs.append(found)
        orbits.append(alike)
        pair_starts[s + 1] = pair_starts[s] + len(found[0])
        orbit_starts[s + 1] = orbit_starts[s] + len(alike[1])
    if n == 1 and bad < 0:
        return bad, pair_starts, orbit_starts, pairs[0], orbits[0]
    n_pairs, n_orbits = pair_starts[-1], orbit_starts[-1]
    center, neighbor = np.empty(n_pairs, np.int64), np.empty(n_pairs, np.int64)
    shift, vector = np.empty((n_pairs, 3), np.int64), np.empty((n_pairs, 3))
    distance, first = np.empty(n_pairs), np.empty(len(numbers) + n, np.int64)
    orbit, representative = np.empty(len(numbers), np.int64), np.empty(n_orbits, np.int64)
    copies = np.empty(n_orbits, np.int64)
    for s in range(n if bad < 0 else 0):
        begin, end = pair_starts[s], pair_starts[s + 1]
        center[begin:end], neighbor[begin:end] = pairs[s][0], pairs[s][1]
        shift[begin:end], vector[begin:end] = pairs[s][2], pairs[s][3]
        distance[begin:end] = pairs[s][4]
        first[starts[s] + s : starts[s + 1] + s + 1] = pairs[s][5]
        begin, end = orbit_starts[s], orbit_starts[s + 1]
        orbit[starts[s] : starts[s + 1]] = orbits[s][0]
        representative[begin:end], copies[begin:end] = orbits[s][1], orbits[s][2]
    return (
        bad,
        pair_starts,
        orbit_starts,
        (center, neighbor, shift, vector, distance, first),
        (orbit, representative, copies),
    )
