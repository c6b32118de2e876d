"""Pairs of atoms within a cutoff, for one structure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from ase_orbital.neighbors.cell_list import Grid, bin_runs_around
from ase_orbital.numerics.jit import extended, inner

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

ROUNDING = 1e-9  # of the cutoff: bins are searched this much farther


@inner
def append_pairs(
    grid: Grid, cutoff: float, images: Integers, places: Floats, first: Integers
) -> tuple[Integers, Floats]:
    """Append the pairs of all atoms, sorted by center and then by distance.

    Parameters
    ----------
    grid
        Atoms of the structure in bins.
    cutoff
        Largest distance. Å.
    images : [room, 4]
        Neighbor and shift of each pair; see `NeighborBatch`.
    places : [room, 4]
        Vector and distance of each pair.
    first : [n_atoms + 1]
        Where the pairs of each atom begin; `first[0]` is given, the rest is written.

    Returns
    -------
    images, places
        The same arrays, or copies with more room.
    """
    count, largest, v = first[0], cutoff * cutoff, grid.vectors
    n, room = len(grid.positions), len(images)
    expected = 4.2 * (cutoff / grid.spacing) ** 3 + 8.0
    wanted = count + int(n * min(expected, 512.0)) + 8
    if wanted > room:
        room = max(wanted, 2 * room)
        images, places = extended(images, room), extended(places, room)
    positions = grid.positions[grid.members]
    for i in range(n):
        home = grid.positions[i]
        runs = bin_runs_around(i, cutoff * (1.0 + ROUNDING), grid)
        for run in range(len(runs)):
            begin, end = runs[run, 0], runs[run, 1]
            s0, s1, s2 = runs[run, 2], runs[run, 3], runs[run, 4]
            x = s0 * v[0, 0] + s1 * v[1, 0] + s2 * v[2, 0]
            y = s0 * v[0, 1] + s1 * v[1, 1] + s2 * v[2, 1]
            z = s0 * v[0, 2] + s1 * v[1, 2] + s2 * v[2, 2]
            for member in range(begin, end):
                # In this order the vector is exactly minus the one that j sees.
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
        _sort(grid, i, largest, images[first[i] : count], places[first[i] : count])
    return images, places


@inner
def _sort(grid: Grid, i: int, largest: float, images: Integers, places: Floats) -> None:
    """Sort the pairs of atom i by distance, and write shifts and distances.

    Shifts were steps along the grid's vectors, from wrapped atoms; distances were squares.
    """
    order, own, where = _order(images, places, largest), images.copy(), places.copy()
    for at in range(len(order)):
        image, place = own[order[at]], where[order[at]]
        j = image[0]
        images[at, 0], places[at, 3] = j, math.sqrt(place[3])
        for a in range(3):
            places[at, a] = place[a]
            images[at, a + 1] = 0
        for a in range(3):
            steps = image[a + 1] - grid.wraps[j, a] + grid.wraps[i, a]
            if steps != 0:
                for c in range(3):
                    images[at, c + 1] += steps * grid.steps[a, c]


@inner
def _order(images: Integers, places: Floats, largest: float) -> Integers:
    """Order of images by squared distance; at equal distances by steps and atom.

    A counting sort into as many classes as there are images leaves few in the wrong place.
    This is four times as fast as a general sort, and it runs once for each atom.
    """
    n = len(images)
    order, ends, keys = np.empty(n, np.int64), np.zeros(n + 1, np.int64), np.empty(n)
    scale = n / largest if largest > 0.0 else 0.0
    for at in range(n):
        keys[at] = places[at, 3]
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
            and _comes_later(images, order[place - 1], one)
        ):
            order[place] = order[place - 1]
            place -= 1
        order[place] = one
    return order


@inner
def _comes_later(images: Integers, a: int, b: int) -> bool:
    """Whether image a comes after b by steps and atom."""
    for column in (1, 2, 3, 0):
        if images[a, column] != images[b, column]:
            return bool(images[a, column] > images[b, column])
    return False
