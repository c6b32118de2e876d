"""Pairs that stay known while atoms move little, for relaxations and dynamics.

Source: L. Verlet, Phys. Rev. 159, 98 (1967), doi:10.1103/PhysRev.159.98, for a cell that
may be strained as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ase_orbital.neighbors.pairs import RIM, find_pairs
from ase_orbital.numerics.jit import compiled

if TYPE_CHECKING:
    from ase import Atoms
    from numpy.typing import NDArray

    from ase_orbital.neighbors.cell_list import Grid

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

SKIN = 0.5  # Å; how much farther than the radius a list reaches
STEADY = 0.75  # of the skin that one step must leave: then a list would last for four
FEWEST, MOST = 32, 4096  # atoms: fewer are searched sooner, of more a list is too large
REMEMBERED = 8  # frames, each of another size, radius or periodicity


class Candidates(NamedTuple):
    """Images that may be within a radius of each atom; fields as in `Pairs`."""

    neighbor: Integers
    shift: Integers
    first: Integers


class _Frame(NamedTuple):
    """Where atoms were, and the candidates found there if there was reason to."""

    positions: Floats
    cell: Floats
    candidates: Candidates


NO_CANDIDATES = Candidates(
    np.zeros(0, np.int64), np.zeros((0, 3), np.int64), np.zeros(0, np.int64)
)


class VerletLists:
    """Remembers the last frames, and makes a list once a second one is near to a first.

    Frames are replaced whole, so threads may share it: at worst one searches in vain.
    """

    def __init__(self) -> None:
        self._frames: dict[tuple[int, float, bytes], _Frame] = {}

    def candidates(self, atoms: Atoms, radius: float) -> Candidates:
        """Images that may be within `radius` (Å); NO_CANDIDATES if a search is better."""
        if not FEWEST <= len(atoms) <= MOST or radius == 0.0:
            return NO_CANDIDATES
        key = len(atoms), radius, atoms.pbc.tobytes()
        frame, left, found = self._frames.get(key), -1.0, NO_CANDIDATES
        if frame is not None:
            if _equal(frame, atoms):  # asked again, which is no step of a path
                return frame.candidates
            left = _skin_left(frame, atoms, radius)
            if len(frame.candidates.first) and left > 0.0:
                return frame.candidates
        if left > STEADY * SKIN:
            pairs = find_pairs(atoms.copy(), radius + SKIN)
            found = Candidates(pairs.neighbor, pairs.shift, pairs.first)
        self._frames.pop(key, None)
        for oldest in list(self._frames)[: 1 - REMEMBERED]:
            self._frames.pop(oldest, None)
        self._frames[key] = _Frame(atoms.positions.copy(), atoms.cell.array.copy(), found)
        return found


def _equal(frame: _Frame, atoms: Atoms) -> bool:
    return np.array_equal(frame.positions, atoms.positions) and np.array_equal(
        frame.cell, atoms.cell.array
    )


def _skin_left(frame: _Frame, atoms: Atoms, radius: float) -> float:
    """How much of the skin is left (Å): all of it at the frame, below zero too little.

    The cell is strained by F, and atoms are displaced by u besides. Atoms that were
    farther apart than radius + skin are then farther apart than the least singular value
    of F times that, less 2 u.
    """
    expected, cell, shrunk = frame.positions, atoms.cell.array, 1.0
    if not np.array_equal(cell, frame.cell):
        if not atoms.pbc.all():
            return -1.0
        try:
            strain = np.linalg.solve(frame.cell, cell)
            shrunk = np.linalg.svd(strain, compute_uv=False)[-1]
        except np.linalg.LinAlgError:  # one of them is no cell
            return -1.0
        expected = expected @ strain
    moved = atoms.positions - expected
    farthest = np.sqrt(np.square(moved - moved.mean(axis=0)).sum(axis=1).max())
    left = shrunk * (radius + SKIN) - 2.0 * farthest - radius * (1.0 + RIM)
    return float(left) if np.isfinite(left) else -1.0


@compiled
def images_among(
    candidates: Candidates, grid: Grid, radius: float
) -> tuple[Integers, Floats, Integers]:
    """Return what `pairs.images_in` does, to the bit, in another order."""
    n, count, largest = len(grid.positions), 0, radius * radius
    images = np.empty((len(candidates.neighbor), 4), np.int64)
    places = np.empty((len(candidates.neighbor), 4))
    first, v = np.zeros(n + 1, np.int64), grid.vectors
    to_frame, s = _inverted(grid.steps), np.empty(3, np.int64)
    for i in range(n):
        home = grid.positions[i]
        for at in range(candidates.first[i], candidates.first[i + 1]):
            j = candidates.neighbor[at]
            for a in range(3):
                s[a] = grid.wraps[j, a] - grid.wraps[i, a]
                for b in range(3):
                    s[a] += candidates.shift[at, b] * to_frame[b, a]
            x = s[0] * v[0, 0] + s[1] * v[1, 0] + s[2] * v[2, 0]
            y = s[0] * v[0, 1] + s[1] * v[1, 1] + s[2] * v[2, 1]
            z = s[0] * v[0, 2] + s[1] * v[1, 2] + s[2] * v[2, 2]
            dx = (grid.positions[j, 0] - home[0]) + x
            dy = (grid.positions[j, 1] - home[1]) + y
            dz = (grid.positions[j, 2] - home[2]) + z
            square = dx * dx + dy * dy + dz * dz
            if square > largest:
                continue
            image, place = images[count], places[count]
            image[0], image[1], image[2], image[3] = j, s[0], s[1], s[2]
            place[0], place[1], place[2], place[3] = dx, dy, dz, square
            count += 1
        first[i + 1] = count
    return images[:count], places[:count], first


@compiled
def _inverted(steps: Integers) -> Integers:
    """Inverse of whole numbers with determinant 1 or -1, [3, 3]."""
    inverse, determinant = np.empty((3, 3), np.int64), 0
    for a in range(3):
        for b in range(3):
            c, d, e, f = (b + 1) % 3, (b + 2) % 3, (a + 1) % 3, (a + 2) % 3
            inverse[a, b] = steps[c, e] * steps[d, f] - steps[c, f] * steps[d, e]
    for a in range(3):
        determinant += steps[0, a] * inverse[a, 0]
    return inverse * determinant
