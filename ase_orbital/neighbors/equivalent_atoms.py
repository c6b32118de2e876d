"""Atoms that the symmetry of their crystal maps onto each other.

Every invariant of such atoms is the same, so one of them is enough. What is not found
costs time only: the search may miss symmetry, and never invents it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ase_orbital.neighbors.cell_list import Grid, dot
from ase_orbital.numerics.jit import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

# How far from an atom the image of another may come to lie, Å, by the precision of what is
# computed: equal to rounding, or equal in files of six decimals.
TOLERANCE = {"float64": 1e-9, "float32": 5e-6}
NOISE = 30.0  # tolerances, in the marks of equivalent atoms


class Orbits(NamedTuple):
    """Classes of equivalent atoms, numbered by their first atoms.

    orbit : [n_atoms] class of each atom; first : [n_orbits] its first atom; copies :
    [n_orbits] how many atoms it has.
    """

    orbit: Integers
    first: Integers
    copies: Integers


def single(n_atoms: int) -> Orbits:
    """Orbits of one atom each."""
    return Orbits(np.arange(n_atoms), np.arange(n_atoms), np.ones(n_atoms, np.int64))


@compiled
def orbits_in(
    grid: Grid,
    numbers: Integers,
    neighbor: Integers,
    distance: Floats,
    pairs_from: Integers,
    tolerance: float,
) -> tuple[Integers, Integers, Integers]:
    """Fields of Orbits; where an axis is open, every atom is an orbit of its own.

    `neighbor`, `distance` and `pairs_from` are those of `Pairs`, up to any radius;
    `tolerance` is in Å, see `TOLERANCE`.
    """
    kind, n_kinds = _kinds(numbers, neighbor, distance, pairs_from, NOISE * tolerance)
    orbit, first = np.arange(len(numbers)), np.arange(len(numbers))
    copies = np.ones(len(numbers), np.int64)
    if n_kinds == len(numbers) or not grid.periodic.all():
        return orbit, first, copies
    parent, n_orbits = _parents(grid, kind, n_kinds, tolerance), 0
    for i in range(len(parent)):
        if parent[i] == i:
            orbit[i], first[n_orbits], copies[n_orbits] = n_orbits, i, 1
            n_orbits += 1
        else:
            orbit[i] = orbit[parent[i]]
            copies[orbit[i]] += 1
    return orbit, first[:n_orbits].copy(), copies[:n_orbits].copy()


@compiled
def _parents(grid: Grid, kind: Integers, n_kinds: int, tolerance: float) -> Integers:
    """First atom of each atom's orbit, [n_atoms]."""
    n = len(kind)
    # An operation takes a pivot to an atom of its kind; the rarest kind leaves fewest.
    members = np.zeros(n_kinds, np.int64)
    for i in range(n):
        members[kind[i]] += 1
    pivots = np.flatnonzero(kind == members.argmin())
    parent, n_orbits = np.arange(n), n
    image, shift = np.empty(n, np.int64), np.empty(3)
    rotations = lattice_rotations(grid.vectors, tolerance)
    for r in range(len(rotations)):
        if r == 1:
            # Pivots that a translation takes to each other lead to the same operations.
            pivots = np.array([p for p in pivots if parent[p] == p])
        for pivot in pivots:
            # Orbits can be no larger than kinds. A translation that leads where those
            # before it lead together is one of their products.
            if n_orbits == n_kinds:
                break
            if r == 0 and _root(parent, int(pivot)) == pivots[0]:
                continue
            for a in range(3):
                shift[a] = grid.fractions[pivot, a]
                for b in range(3):
                    shift[a] -= grid.fractions[pivots[0], b] * rotations[r, b, a]
            if _maps(grid, kind, rotations[r], shift, tolerance, image):
                for i in range(n):
                    one, other = _root(parent, i), _root(parent, image[i])
                    n_orbits -= one != other
                    parent[max(one, other)] = min(one, other)
    for i in range(n):
        parent[i] = _root(parent, i)
    return parent


@compiled
def _kinds(
    numbers: Integers, neighbor: Integers, distance: Floats, first: Integers, noise: float
) -> tuple[Integers, int]:
    """Divide atoms by element and a smooth mark of their surroundings.

    Equivalent atoms are of one kind, but for noise; atoms of one kind need not be
    equivalent.
    """
    n = len(numbers)
    sign = np.empty(120)  # tells neighbors' elements apart
    for number in range(120):
        sign[number] = 1.0 + math.sin(1.7 * number)
    radius = distance.max() if len(distance) else 1.0
    marks = np.zeros(n)
    for i in range(n):
        for pair in range(first[i], first[i + 1]):
            ratio = distance[pair] / radius
            away = 1.0 - ratio * ratio
            marks[i] += sign[numbers[neighbor[pair]]] * away * away
    order = np.argsort(marks)
    order = order[np.argsort(numbers[order], kind="mergesort")]
    kind, n_kinds = np.zeros(n, np.int64), 1
    for at in range(1, n):
        i, before = order[at], order[at - 1]
        if numbers[i] != numbers[before] or marks[i] - marks[before] > noise:
            n_kinds += 1
        kind[i] = n_kinds - 1
    return kind, n_kinds


@compiled
def lattice_rotations(vectors: Floats, tolerance: float) -> Integers:
    """Rotations of a lattice, [n, 3, 3], the identity first; fractions are f @ rotation."""
    steps = np.empty((27, 3), np.int64)
    points = np.zeros((27, 3))
    for at in range(27):
        steps[at] = at // 9 - 1, at // 3 % 3 - 1, at % 3 - 1
        for a in range(3):
            for b in range(3):
                points[at, b] += steps[at, a] * vectors[a, b]
    length = np.sqrt((vectors * vectors).sum(1))
    norm = np.sqrt((points * points).sum(1))
    found, count = np.empty((48, 3, 3), np.int64), 1
    found[0] = np.eye(3, dtype=np.int64)
    for one in range(27):
        if abs(norm[one] - length[0]) > tolerance:
            continue
        for two in range(27):
            if abs(norm[two] - length[1]) > tolerance or not _alike(
                points[one], points[two], vectors[0], vectors[1], tolerance
            ):
                continue
            for three in range(27):
                if (
                    count < 48
                    and abs(norm[three] - length[2]) <= tolerance
                    and _alike(
                        points[one], points[three], vectors[0], vectors[2], tolerance
                    )
                    and _alike(
                        points[two], points[three], vectors[1], vectors[2], tolerance
                    )
                ):
                    unlike = False
                    for a in range(3):
                        found[count, 0, a] = steps[one, a]
                        found[count, 1, a] = steps[two, a]
                        found[count, 2, a] = steps[three, a]
                        for b in range(3):
                            unlike = unlike or found[count, b, a] != found[0, b, a]
                    count += unlike
    return found[:count]


@compiled
def _alike(one: Floats, two: Floats, a: Floats, b: Floats, tolerance: float) -> bool:
    """Whether two vectors are to each other as a and b."""
    reach = math.sqrt(dot(a, a)) + math.sqrt(dot(b, b))
    return bool(abs(dot(one, two) - dot(a, b)) <= tolerance * reach)


@compiled
def _maps(
    grid: Grid,
    kind: Integers,
    rotation: Integers,
    shift: Floats,
    tolerance: float,
    image: Integers,
) -> bool:
    """Whether an operation maps the crystal onto itself; where each atom goes."""
    point = np.empty(3)
    for i in range(len(kind)):
        for a in range(3):
            point[a] = shift[a]
            for b in range(3):
                point[a] += grid.fractions[i, b] * rotation[b, a]
            point[a] -= math.floor(point[a])
        image[i] = _atom_at(grid, point, kind, kind[i], tolerance)
        if image[i] < 0:
            return False
    return True


@compiled
def _atom_at(
    grid: Grid, point: Floats, kind: Integers, wanted: int, tolerance: float
) -> int:
    """Atom of a kind at a point in fractions, or -1."""
    n0, n1, n2 = grid.n_bins[0], grid.n_bins[1], grid.n_bins[2]
    v, fractions = grid.vectors, grid.fractions
    low0, high0 = _bins_at(point[0], tolerance, grid.reciprocal[0], n0)
    low1, high1 = _bins_at(point[1], tolerance, grid.reciprocal[1], n1)
    low2, high2 = _bins_at(point[2], tolerance, grid.reciprocal[2], n2)
    for b0 in range(low0, high0 + 1):
        for b1 in range(low1, high1 + 1):
            for b2 in range(low2, high2 + 1):
                at = (_within(b0, n0) * n1 + _within(b1, n1)) * n2 + _within(b2, n2)
                for member in range(grid.first[at], grid.first[at + 1]):
                    j = grid.members[member]
                    if kind[j] != wanted:
                        continue
                    f0, f1 = fractions[j, 0] - point[0], fractions[j, 1] - point[1]
                    f2 = fractions[j, 2] - point[2]
                    f0, f1, f2 = f0 - round(f0), f1 - round(f1), f2 - round(f2)
                    x = f0 * v[0, 0] + f1 * v[1, 0] + f2 * v[2, 0]
                    y = f0 * v[0, 1] + f1 * v[1, 1] + f2 * v[2, 1]
                    z = f0 * v[0, 2] + f1 * v[1, 2] + f2 * v[2, 2]
                    if x * x + y * y + z * z <= tolerance * tolerance:
                        return int(j)
    return -1


@compiled
def _bins_at(
    fraction: float, tolerance: float, reciprocal: Floats, n_bins: int
) -> tuple[int, int]:
    """First and last bin along a vector that a point may lie in, each bin once."""
    width = tolerance * math.sqrt(dot(reciprocal, reciprocal))
    low = math.floor((fraction - width) * n_bins)
    high = math.floor((fraction + width) * n_bins)
    return low, min(high, low + n_bins - 1)


@compiled
def _within(one: int, n_bins: int) -> int:
    """Bin that one at most a cell away is an image of; `%` takes ten times as long."""
    if one < 0:
        return one + n_bins
    return one - n_bins if one >= n_bins else one


@compiled
def _root(parent: Integers, i: int) -> int:
    while parent[i] != i:
        i = int(parent[i])
    return i
