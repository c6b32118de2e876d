"""Atoms that the symmetry of their crystal maps onto each other.

All invariants of such atoms are equal, so it is enough to compute them for one. The search
may miss symmetry, which costs only time; it never invents it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from ase_orbital.numerics.jit import inner
from ase_orbital.numerics.vectors import dot

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ase_orbital.neighbors.cell_list import Grid

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

# Distance (Å) that an operation may leave between an atom and the image of another, by the
# precision of the results: rounding, or the last of six decimals in a file.
TOLERANCE = {"float64": 1e-9, "float32": 5e-6}
NOISE = 30.0  # tolerances, in the invariants of equivalent atoms


@inner
def find_equivalent_atoms(
    grid: Grid,
    numbers: Integers,
    images: Integers,
    places: Floats,
    first: Integers,
    symmetry: bool,
    tolerance: float,
    index: Integers,
    representative: Integers,
    multiplicity: Integers,
) -> int:
    """Divide the atoms of one structure into classes of equivalent atoms.

    Where an axis is open, every atom is a class of its own.

    Parameters
    ----------
    grid
        Atoms in bins.
    numbers : [n_atoms]
        Atomic numbers.
    images, places, first
        Pairs up to any cutoff; see `append_pairs`.
    symmetry
        Whether to look for equivalent atoms.
    tolerance
        Å, see `TOLERANCE`.
    index : [n_atoms]
        Class of each atom, written.
    representative, multiplicity : [n_atoms]
        First atom of each class and their number, written.

    Returns
    -------
    int
        Number of classes.
    """
    n = len(numbers)
    for i in range(n):
        index[i], representative[i], multiplicity[i] = i, i, 1
    if not (symmetry and grid.periodic[0] and grid.periodic[1] and grid.periodic[2]):
        return n
    kind, n_kinds = _kinds(numbers, images, places, first, NOISE * tolerance)
    if n_kinds == n:
        return n
    parent, n_classes = _parents(grid, kind, n_kinds, tolerance), 0
    for i in range(n):
        if parent[i] == i:
            index[i], representative[n_classes], multiplicity[n_classes] = n_classes, i, 1
            n_classes += 1
        else:
            index[i] = index[parent[i]]
            multiplicity[index[i]] += 1
    return n_classes


@inner
def _parents(grid: Grid, kind: Integers, n_kinds: int, tolerance: float) -> Integers:
    """First atom that is equivalent to each atom, [n_atoms]."""
    n = len(kind)
    # An operation takes a pivot to an atom of its kind; the rarest kind leaves fewest.
    members, rarest, n_pivots = np.zeros(n_kinds, np.int64), 0, 0
    for i in range(n):
        members[kind[i]] += 1
    for one in range(n_kinds):
        if members[one] < members[rarest]:
            rarest = one
    parent, pivots = np.empty(n, np.int64), np.empty(n, np.int64)
    for i in range(n):
        parent[i] = i
        if kind[i] == rarest:
            pivots[n_pivots] = i
            n_pivots += 1
    n_classes, image, shift = n, np.empty(n, np.int64), np.empty(3)
    rotations = lattice_rotations(grid.vectors, tolerance)
    for r in range(len(rotations)):
        if r == 1:
            # Pivots that a translation takes to each other lead to the same operations.
            n_all, n_pivots = n_pivots, 0
            for at in range(n_all):
                if parent[pivots[at]] == pivots[at]:
                    pivots[n_pivots] = pivots[at]
                    n_pivots += 1
        for at in range(n_pivots):
            # Classes can be no larger than kinds. A translation between atoms that earlier
            # ones lead to each other is one of their products.
            if n_classes == n_kinds:
                break
            if r == 0 and _root(parent, pivots[at]) == pivots[0]:
                continue
            for a in range(3):
                shift[a] = grid.fractions[pivots[at], a]
                for b in range(3):
                    shift[a] -= grid.fractions[pivots[0], b] * rotations[r, b, a]
            if _maps(grid, kind, rotations[r], shift, tolerance, image):
                for i in range(n):
                    one, other = _root(parent, i), _root(parent, image[i])
                    n_classes -= one != other
                    parent[max(one, other)] = min(one, other)
    for i in range(n):
        parent[i] = _root(parent, i)
    return parent


@inner
def _kinds(
    numbers: Integers, images: Integers, places: Floats, first: Integers, noise: float
) -> tuple[Integers, int]:
    """Divide atoms by element and by a smooth invariant of their environment.

    Equivalent atoms are of one kind, up to noise; atoms of one kind need not be equivalent.
    """
    n, cutoff = len(numbers), 0.0
    sign = np.empty(120)  # tells neighbors' elements apart
    for number in range(120):
        sign[number] = 1.0 + math.sin(1.7 * number)
    for pair in range(first[0], first[n]):
        cutoff = max(cutoff, places[pair, 3])
    invariants = np.zeros(n)
    for i in range(n):
        for pair in range(first[i], first[i + 1]):
            ratio = places[pair, 3] / cutoff
            away = 1.0 - ratio * ratio
            invariants[i] += sign[numbers[images[pair, 0]]] * away * away
    order = _sorted(numbers, invariants)
    kind, n_kinds = np.zeros(n, np.int64), 1
    for at in range(1, n):
        i, before = order[at], order[at - 1]
        apart = invariants[i] - invariants[before] > noise
        n_kinds += numbers[i] != numbers[before] or apart
        kind[i] = n_kinds - 1
    return kind, n_kinds


@inner
def _sorted(numbers: Integers, invariants: Floats) -> Integers:
    """Order of atoms by element and invariant, by merging ever longer sorted runs.

    numpy's sorting functions would take seconds to compile.
    """
    n, run = len(numbers), 1
    order, merged = np.empty(n, np.int64), np.empty(n, np.int64)
    for i in range(n):
        order[i] = i
    while run < n:
        for start in range(0, n, 2 * run):
            one, middle = start, min(start + run, n)
            other, end = middle, min(start + 2 * run, n)
            for at in range(start, end):
                first = other == end
                if one < middle and other < end:
                    i, j = order[one], order[other]
                    first = numbers[i] < numbers[j] or (
                        numbers[i] == numbers[j] and invariants[i] <= invariants[j]
                    )
                if first:
                    merged[at] = order[one]
                    one += 1
                else:
                    merged[at] = order[other]
                    other += 1
        order, merged = merged, order
        run *= 2
    return order


@inner
def lattice_rotations(vectors: Floats, tolerance: float) -> Integers:
    """Rotations of a lattice, [n, 3, 3], the identity first; fractions are f @ rotation."""
    steps = np.empty((27, 3), np.int64)
    points = np.zeros((27, 3))
    for at in range(27):
        steps[at, 0], steps[at, 1], steps[at, 2] = at // 9 - 1, at // 3 % 3 - 1, at % 3 - 1
        for a in range(3):
            for b in range(3):
                points[at, b] += steps[at, a] * vectors[a, b]
    length, norm = np.empty(3), np.empty(27)
    for a in range(3):
        length[a] = math.sqrt(dot(vectors[a], vectors[a]))
    for at in range(27):
        norm[at] = math.sqrt(dot(points[at], points[at]))
    found, count = np.zeros((48, 3, 3), np.int64), 1
    for a in range(3):
        found[0, a, a] = 1
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


@inner
def _alike(one: Floats, two: Floats, a: Floats, b: Floats, tolerance: float) -> bool:
    """Whether two vectors have the scalar product of a and b, up to the tolerance."""
    lengths = math.sqrt(dot(a, a)) + math.sqrt(dot(b, b))
    return bool(abs(dot(one, two) - dot(a, b)) <= tolerance * lengths)


@inner
def _maps(
    grid: Grid,
    kind: Integers,
    rotation: Integers,
    shift: Floats,
    tolerance: float,
    image: Integers,
) -> bool:
    """Whether an operation maps the crystal onto itself; writes where each atom goes."""
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


@inner
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


@inner
def _bins_at(
    fraction: float, tolerance: float, reciprocal: Floats, n_bins: int
) -> tuple[int, int]:
    """First and last bin along a vector that a point may lie in, each bin once."""
    width = tolerance * math.sqrt(dot(reciprocal, reciprocal))
    low = math.floor((fraction - width) * n_bins)
    high = math.floor((fraction + width) * n_bins)
    return low, min(high, low + n_bins - 1)


@inner
def _within(one: int, n_bins: int) -> int:
    """Bin that one at most a cell away is an image of; `%` takes ten times as long."""
    if one < 0:
        return one + n_bins
    return one - n_bins if one >= n_bins else one


@inner
def _root(parent: Integers, i: int) -> int:
    while parent[i] != i:
        i = int(parent[i])
    return i
