"""Pairs that stay known while atoms move little, for relaxations and dynamics.

Source: L. Verlet, Phys. Rev. 159, 98 (1967), doi:10.1103/PhysRev.159.98, for a cell that
may be strained as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ase_orbital.compiled import compiled
from ase_orbital.neighbors.bins import DONE, Grid, binned
from ase_orbital.neighbors.pairs import RIM, images_in

if TYPE_CHECKING:
    from ase import Atoms
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

SKIN = 0.5  # Å; how much farther than the radius a list reaches
STEADY = 0.75  # of the skin left after one step: a list would last for four
FEWEST = 32  # atoms; a search among fewer is over sooner than looking for a list
REMEMBERED = 8  # frames, each of another size, radius or periodicity


class Candidates(NamedTuple):
    """Images that may be within a radius of each atom.

    images : [n, 4] atom, and its steps in the frame `steps` of short lattice vectors,
    between positions as they are given; first : [n_atoms + 1] where those of an atom begin.
    """

    images: Integers
    first: Integers
    steps: Integers


class _Frame(NamedTuple):
    """Where atoms were, and the candidates found there if there was reason to."""

    positions: Floats
    cell: Floats
    candidates: Candidates | None


NOTHING = Candidates(
    np.empty((0, 4), np.int64), np.zeros(0, np.int64), np.zeros((3, 3), np.int64)
)


class VerletLists:
    """Remembers the last frames, and makes lists once a second one is near to a first.

    Frames are replaced whole, so threads may share it: at worst one searches in vain.
    """

    def __init__(self) -> None:
        self._frames: dict[tuple[int, float, bytes], _Frame] = {}

    def candidates(self, atoms: Atoms, radius: float) -> Candidates:
        """Images that may be within `radius` (Å); NOTHING if they are to be searched."""
        if len(atoms) < FEWEST or radius == 0.0:
            return NOTHING
        key = len(atoms), radius, atoms.pbc.tobytes()
        frame = self._frames.get(key)
        left = -1.0 if frame is None else _left(frame, atoms, radius)
        if frame is not None and frame.candidates is not None and left > 0.0:
            return frame.candidates
        found = None
        if left > STEADY * SKIN:
            status, images, first, steps = _listed(
                atoms.positions, atoms.cell.array, atoms.pbc, radius + SKIN
            )
            found = Candidates(images, first, steps) if status == DONE else None
        self._frames.pop(key, None)
        while len(self._frames) >= REMEMBERED:
            self._frames.pop(next(iter(self._frames)), None)
        self._frames[key] = _Frame(atoms.positions.copy(), atoms.cell.array.copy(), found)
        return NOTHING if found is None else found


def _left(frame: _Frame, atoms: Atoms, radius: float) -> float:
    """How much of the skin is left (Å): all of it at the frame, below zero too little.

    The cell is strained by F, and atoms are displaced by u besides. A pair that was more
    than radius + skin apart is so by the least singular value of F times that, less 2 u.
    """
    before, cell, shrunk = frame.positions, atoms.cell.array, 1.0
    if not np.array_equal(cell, frame.cell):
        if not atoms.pbc.all():
            return -1.0
        strain = np.linalg.solve(frame.cell, cell)
        before, shrunk = before @ strain, np.linalg.svd(strain, compute_uv=False)[-1]
    moved = atoms.positions - before
    farthest = np.sqrt(np.square(moved - moved.mean(axis=0)).sum(axis=1).max())
    left = shrunk * (radius + SKIN) - 2.0 * farthest - radius * (1.0 + RIM)
    return float(left) if np.isfinite(left) else -1.0


@compiled
def _listed(
    positions: Floats, cell: Floats, periodic: NDArray[np.bool_], radius: float
) -> tuple[int, Integers, Integers, Integers]:
    """Whether it was DONE, and fields of Candidates."""
    status, grid = binned(positions, cell, periodic)
    images, _, first = images_in(grid, radius)
    for i in range(len(first) - 1):
        for at in range(first[i], first[i + 1]):
            for a in range(3):
                images[at, a + 1] += grid.wraps[i, a] - grid.wraps[images[at, 0], a]
    return status, images, first, grid.steps


@compiled
def images_among(
    candidates: Candidates, grid: Grid, radius: float
) -> tuple[Integers, Floats, Integers]:
    """Return what `images_in` does, to the bit, in another order."""
    n, count, largest = len(grid.positions), 0, radius * radius
    images = np.empty((len(candidates.images), 4), np.int64)
    places = np.empty((len(candidates.images), 4))
    first, v = np.zeros(n + 1, np.int64), grid.vectors
    for i in range(n):
        home = grid.positions[i]
        for at in range(candidates.first[i], candidates.first[i + 1]):
            listed = candidates.images[at]
            j = listed[0]
            s0 = listed[1] + grid.wraps[j, 0] - grid.wraps[i, 0]
            s1 = listed[2] + grid.wraps[j, 1] - grid.wraps[i, 1]
            s2 = listed[3] + grid.wraps[j, 2] - grid.wraps[i, 2]
            x = s0 * v[0, 0] + s1 * v[1, 0] + s2 * v[2, 0]
            y = s0 * v[0, 1] + s1 * v[1, 1] + s2 * v[2, 1]
            z = s0 * v[0, 2] + s1 * v[1, 2] + s2 * v[2, 2]
            dx = (grid.positions[j, 0] - home[0]) + x
            dy = (grid.positions[j, 1] - home[1]) + y
            dz = (grid.positions[j, 2] - home[2]) + z
            square = dx * dx + dy * dy + dz * dz
            if square > largest:
                continue
            image, place = images[count], places[count]
            image[0], image[1], image[2], image[3] = j, s0, s1, s2
            place[0], place[1], place[2], place[3] = dx, dy, dz, square
            count += 1
        first[i + 1] = count
    return images[:count], places[:count], first
