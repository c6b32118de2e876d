"""Pairs of atoms within a radius."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ase_orbital.errors import StructureError
from ase_orbital.neighbors.cell_list import DONE, Grid, binned, runs_around
from ase_orbital.numerics.jit import compiled, extended
from ase_orbital.structure import CLOSEST, coincidence

if TYPE_CHECKING:
    from ase import Atoms
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

RIM = 1e-9  # of the radius: bins are looked into so much farther, whatever rounding does


class Pairs(NamedTuple):
    """Directed pairs, each from both sides, sorted by center and then by distance.

    Parameters
    ----------
    center, neighbor : [n_pairs]
        Atom indices. A periodic image of an atom is a neighbor of its own, so an atom
        may be paired with itself.
    shift : [n_pairs, 3]
        Whole cell vectors from the neighbor's given position to the image meant.
    vector : [n_pairs, 3]
        From center to neighbor, Å.
    distance : [n_pairs]
        Å.
    first : [n_atoms + 1]
        Pairs of atom i are `first[i]` to `first[i + 1]`.
    """

    center: Integers
    neighbor: Integers
    shift: Integers
    vector: Floats
    distance: Floats
    first: Integers


def find_pairs(atoms: Atoms, radius: float) -> Pairs:
    """All pairs with distance at most `radius` (Å), periodic images included.

    Raises
    ------
    StructureError
        If two atoms, or an atom and its own image, coincide, or the cell is flat.
    """
    status, grid = binned(atoms.positions, atoms.cell.array, atoms.pbc)
    if status != DONE:
        raise StructureError(
            f"positions and cell {atoms.cell.array.tolist()} must be finite numbers, and "
            "the periodic cell vectors must span a volume"
        )
    pairs = Pairs(*arranged(grid, *images_in(grid, radius), radius * radius))
    if len(pairs.distance) and pairs.distance.min() < CLOSEST:
        worst = pairs.distance.argmin()
        raise coincidence(atoms, int(pairs.center[worst]), int(pairs.neighbor[worst]))
    return pairs


@compiled
def images_in(grid: Grid, radius: float) -> tuple[Integers, Floats, Integers]:
    """Images of atoms within a radius of each atom, in the order of the bins.

    Returns
    -------
    images : [n, 4]
        Atom, and its steps in the grid's frame.
    places : [n, 4]
        Vector from the center and squared distance.
    first : [n_atoms + 1]
        Where those of an atom begin.
    """
    n = len(grid.positions)
    expected = 4.2 * (radius / grid.spacing) ** 3 + 8.0
    room = int(n * min(expected, 512.0)) + 8
    images, places = np.empty((room, 4), np.int64), np.empty((room, 4))
    first, count = np.zeros(n + 1, np.int64), 0
    v, largest = grid.vectors, radius * radius
    positions = grid.positions[grid.members]
    for i in range(n):
        home = grid.positions[i]
        runs = runs_around(i, radius * (1.0 + RIM), grid)
        for run in range(len(runs)):
            begin, end = runs[run, 0], runs[run, 1]
            s0, s1, s2 = runs[run, 2], runs[run, 3], runs[run, 4]
            x = s0 * v[0, 0] + s1 * v[1, 0] + s2 * v[2, 0]
            y = s0 * v[0, 1] + s1 * v[1, 1] + s2 * v[2, 1]
            z = s0 * v[0, 2] + s1 * v[1, 2] + s2 * v[2, 2]
            for member in range(begin, end):
                # In this order it is to the bit the negative of what j sees.
                dx = (positions[member, 0] - home[0]) + x
                dy = (positions[member, 1] - home[1]) + y
                dz = (positions[member, 2] - home[2]) + z
                square = dx * dx + dy * dy + dz * dz
                if square > largest:
                    continue
                j = grid.members[member]
                if i == j and s0 == 0 and s1 == 0 and s2 == 0:
                    continue
                if count == room:
                    room *= 2
                    images, places = extended(images, room), extended(places, room)
                image, place = images[count], places[count]
                image[0], image[1], image[2], image[3] = j, s0, s1, s2
                place[0], place[1], place[2], place[3] = dx, dy, dz, square
                count += 1
        first[i + 1] = count
    return images[:count], places[:count], first


@compiled
def arranged(
    grid: Grid, images: Integers, places: Floats, first: Integers, largest: float
) -> tuple[Integers, Integers, Integers, Floats, Floats, Integers]:
    """Fields of Pairs, of what `images_in` gives; `largest` is the radius squared."""
    count = len(images)
    center, neighbor = np.empty(count, np.int64), np.empty(count, np.int64)
    shift, vector = np.zeros((count, 3), np.int64), np.empty((count, 3))
    distance = np.empty(count)
    for i in range(len(first) - 1):
        start, end = first[i], first[i + 1]
        order = _order(images[start:end], places[start:end, 3].copy(), largest)
        for at in range(start, end):
            image, place = (
                images[start + order[at - start]],
                places[start + order[at - start]],
            )
            j = image[0]
            center[at], neighbor[at], distance[at] = i, j, math.sqrt(place[3])
            for a in range(3):
                vector[at, a] = place[a]
                steps = image[a + 1] - grid.wraps[j, a] + grid.wraps[i, a]
                if steps != 0:
                    for c in range(3):
                        shift[at, c] += steps * grid.steps[a, c]
    return center, neighbor, shift, vector, distance, first


@compiled
def _order(images: Integers, keys: Floats, largest: float) -> Integers:
    """Order of images by their squared distances; of equal ones by steps and atom.

    Counted into as many classes as there are, where few stand wrong: four times as fast
    as a general sort, and neighbors are sorted for every atom.
    """
    n = len(keys)
    order, ends = np.empty(n, np.int64), np.zeros(n + 1, np.int64)
    scale = n / largest if largest > 0.0 else 0.0
    for at in range(n):
        ends[min(int(keys[at] * scale), n - 1) + 1] += 1
    for at in range(n):
        ends[at + 1] += ends[at]
    for at in range(n):
        group = min(int(keys[at] * scale), n - 1)
        order[ends[group]] = at
        ends[group] += 1
    for at in range(1, n):
        one, place = order[at], at
        while place > 0 and keys[order[place - 1]] > keys[one]:
            order[place] = order[place - 1]
            place -= 1
        order[place] = one
    for at in range(1, n):
        one, place = order[at], at
        if keys[order[at - 1]] != keys[one]:
            continue
        while (
            place > 0
            and keys[order[place - 1]] == keys[one]
            and _later(images, order[place - 1], one)
        ):
            order[place] = order[place - 1]
            place -= 1
        order[place] = one
    return order


@compiled
def _later(images: Integers, a: int, b: int) -> bool:
    """Whether image a comes after b by steps and atom."""
    for column in (1, 2, 3, 0):
        if images[a, column] != images[b, column]:
            return bool(images[a, column] > images[b, column])
    return False
