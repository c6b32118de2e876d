"""Sort atoms into the bins of a cell list, for any cell and any mixture of open axes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ase_orbital.numerics.jit import compiled, inner
from ase_orbital.numerics.vectors import cross, dot, inverted
from ase_orbital.structure import FLATTEST

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

DONE, NOT_FINITE, FLAT = range(3)

ATOMS_PER_BIN = 3.0
NARROWEST = 1.0  # Å; width of flat and linear structures along open axes


class Grid(NamedTuple):
    """Atoms sorted into bins, in a basis of short lattice vectors.

    Open axes get vectors that are normal to all others and as long as the atoms need.
    """

    periodic: NDArray[np.bool_]  # [3]
    vectors: Floats  # [3, 3], Å
    reciprocal: Floats  # [3, 3], rows; x @ reciprocal.T are fractional coordinates
    steps: Integers  # [3, 3], vectors = steps @ cell along periodic axes
    spacing: float  # cube root of the volume per atom, Å
    positions: Floats  # [n_atoms, 3], wrapped
    fractions: Floats  # [n_atoms, 3]
    highest: Floats  # [3], largest fraction along each vector; the smallest is 0 if open
    wraps: Integers  # [n_atoms, 3], lattice vectors that wrapping subtracted
    n_bins: Integers  # [3]
    first: Integers  # [product of n_bins + 1], where a bin starts in `members`
    members: Integers  # [n_atoms]


@compiled
def bin_atoms(
    positions: Floats, cell: Floats, periodic: NDArray[np.bool_]
) -> tuple[int, Grid]:
    """Sort atoms into bins; the first value is DONE, or the reason why this failed."""
    n, status = len(positions), DONE
    vectors, steps = shortened(cell, periodic)
    if not (finite(positions) and finite(cell)):
        status = NOT_FINITE
    elif not complete_basis(vectors, periodic):
        status = FLAT
    if status != DONE:
        n = 0
        for a in range(9):
            vectors[a // 3, a % 3] = 1.0 if a % 4 == 0 else 0.0
    reciprocal = np.empty((3, 3))
    inverted(vectors, reciprocal)
    wrapped, fractions = np.empty((n, 3)), np.empty((n, 3))
    wraps, highest = np.zeros((n, 3), np.int64), np.ones(3)
    for i in range(n):
        for a in range(3):
            wrapped[i, a] = positions[i, a]
            fractions[i, a] = dot(positions[i], reciprocal[a])
    for a in range(3 if n else 0):
        if periodic[a]:
            wrap_axis(a, vectors[a], wrapped, fractions, wraps)
        else:
            highest[a] = stretch_open_axis(a, vectors[a], reciprocal[a], fractions)
    normal = np.empty(3)
    cross(vectors[0], vectors[1], normal)
    spacing = (abs(dot(normal, vectors[2])) / max(n, 1)) ** (1.0 / 3.0)
    n_bins, first, members = sort_into_bins(fractions, reciprocal, spacing)
    return status, Grid(
        periodic, vectors, reciprocal, steps, spacing, wrapped, fractions, highest, wraps,
        n_bins, first, members,
    )  # fmt: skip


@inner
def finite(rows: Floats) -> bool:
    """Whether all entries of vectors, [n, 3], are finite."""
    total = 0.0
    for i in range(len(rows)):
        for a in range(3):
            total += 0.0 * rows[i, a]
    return total == 0.0


@inner
def shortened(cell: Floats, periodic: NDArray[np.bool_]) -> tuple[Floats, Integers]:
    """Subtract lattice vectors from each other while that makes them shorter."""
    vectors, steps = np.zeros((3, 3)), np.zeros((3, 3), np.int64)
    for a in range(3):
        steps[a, a] = 1
        for b in range(3):
            vectors[a, b] = cell[a, b]
    changed = True
    while changed:
        changed = False
        for a in range(3):
            for b in range(3):
                square = dot(vectors[b], vectors[b])
                if a == b or square == 0.0 or not (periodic[a] and periodic[b]):
                    continue
                ratio = dot(vectors[a], vectors[b]) / square
                if 0.5 + 1e-9 < abs(ratio) < math.inf:
                    changed = True
                    times = round(ratio)
                    for c in range(3):
                        vectors[a, c] -= times * vectors[b, c]
                        steps[a, c] -= times * steps[b, c]
    return vectors, steps


@inner
def complete_basis(vectors: Floats, periodic: NDArray[np.bool_]) -> bool:
    """Write unit vectors normal to all others on open axes; False if the cell is flat."""
    n_open, one, product = 0, 0, 1.0
    for a in range(3):
        if periodic[a]:
            one = a
            product *= math.sqrt(dot(vectors[a], vectors[a]))
        else:
            n_open += 1
    two, three = (one + 1) % 3, (one + 2) % 3
    if n_open == 3:
        vectors[one, 0], vectors[one, 1], vectors[one, 2] = 1.0, 0.0, 0.0
    if n_open >= 2:
        # Any vector that is not parallel to the first will do.
        least = 0
        for b in range(1, 3):
            if abs(vectors[one, b]) < abs(vectors[one, least]):
                least = b
        for b in range(3):
            vectors[two, b] = 1.0 if b == least else 0.0
        unit_normal(vectors[one], vectors[two], vectors[three])
        unit_normal(vectors[three], vectors[one], vectors[two])
    elif n_open == 1:
        for a in range(3):
            if not periodic[a]:
                unit_normal(vectors[(a + 1) % 3], vectors[(a + 2) % 3], vectors[a])
    normal = np.empty(3)
    cross(vectors[0], vectors[1], normal)
    return bool(abs(dot(normal, vectors[2])) > FLATTEST * product)


@inner
def unit_normal(a: Floats, b: Floats, result: Floats) -> None:
    """Write the unit vector normal to two others, or zeros if they are parallel."""
    cross(a, b, result)
    length = math.sqrt(dot(result, result))
    for c in range(3):
        result[c] *= 1.0 / length if length > 0.0 else 0.0


@inner
def wrap_axis(
    a: int, vector: Floats, positions: Floats, fractions: Floats, wraps: Integers
) -> None:
    """Move atoms into the cell along periodic axis a."""
    for i in range(len(positions)):
        whole = math.floor(fractions[i, a])
        fractions[i, a] -= whole
        wraps[i, a] = whole
        for b in range(3):
            positions[i, b] -= whole * vector[b]


@inner
def stretch_open_axis(
    a: int, vector: Floats, reciprocal: Floats, fractions: Floats
) -> float:
    """Stretch the vector of open axis a over all atoms; return their largest fraction."""
    low = high = fractions[0, a]
    for i in range(len(fractions)):
        low, high = min(low, fractions[i, a]), max(high, fractions[i, a])
    width = max(high - low, NARROWEST)
    for i in range(len(fractions)):
        fractions[i, a] = (fractions[i, a] - low) / width
    for b in range(3):
        vector[b] *= width
        reciprocal[b] /= width
    return float((high - low) / width)


@inner
def sort_into_bins(
    fractions: Floats, reciprocal: Floats, spacing: float
) -> tuple[Integers, Integers, Integers]:
    """Bins along each vector, start of each bin, and atoms in the order of bins."""
    n, width = len(fractions), ATOMS_PER_BIN ** (1.0 / 3.0) * spacing
    n_bins = np.ones(3, np.int64)
    for a in range(3):
        height = 1.0 / math.sqrt(dot(reciprocal[a], reciprocal[a]))
        n_bins[a] = max(1, int(min(height / width, n)))
    while n_bins[0] * n_bins[1] * n_bins[2] > 4 * n + 8:
        n_bins[n_bins.argmax()] //= 2
    bins = np.zeros(n, np.int64)
    first = np.zeros(n_bins[0] * n_bins[1] * n_bins[2] + 1, np.int64)
    for i in range(n):
        for a in range(3):
            inside = min(int(fractions[i, a] * n_bins[a]), n_bins[a] - 1)
            bins[i] = bins[i] * n_bins[a] + inside
        first[bins[i]] += 1
    # Counting sort: ends of the bins, then backwards to their starts.
    for at in range(1, len(first)):
        first[at] += first[at - 1]
    members = np.empty(n, np.int64)
    for i in range(n - 1, -1, -1):
        first[bins[i]] -= 1
        members[first[bins[i]]] = i
    return n_bins, first, members


@inner
def bin_runs_around(i: int, radius: float, grid: Grid) -> Integers:
    """Runs of consecutive bins that a sphere may touch: [begin, end, shift], [n, 5].

    Their atoms are `members[begin:end]`.
    """
    low, high = _bin_range(i, radius, grid)
    n0, n1, n2 = grid.n_bins[0], grid.n_bins[1], grid.n_bins[2]
    s_low, s_high = low[2] // n2, high[2] // n2
    n_rows = (high[0] - low[0] + 1) * (high[1] - low[1] + 1) * (s_high - s_low + 1)
    rows, count = np.empty((n_rows, 5), np.int64), 0
    for b0 in range(low[0], high[0] + 1):
        s0 = b0 // n0
        for b1 in range(low[1], high[1] + 1):
            s1 = b1 // n1
            before = ((b0 - s0 * n0) * n1 + b1 - s1 * n1) * n2
            for s2 in range(s_low, s_high + 1):
                begin, end = max(low[2] - s2 * n2, 0), min(high[2] - s2 * n2, n2 - 1)
                rows[count, 0] = grid.first[before + begin]
                rows[count, 1] = grid.first[before + end + 1]
                rows[count, 2], rows[count, 3], rows[count, 4] = s0, s1, s2
                count += 1
    return rows


@inner
def _bin_range(i: int, radius: float, grid: Grid) -> tuple[Integers, Integers]:
    """Lowest and highest bins, beyond the cell, that a sphere around atom i may touch."""
    low, high = np.empty(3, np.int64), np.empty(3, np.int64)
    for a in range(3):
        width = radius * math.sqrt(dot(grid.reciprocal[a], grid.reciprocal[a]))
        low[a] = math.floor((grid.fractions[i, a] - width) * grid.n_bins[a])
        high[a] = math.floor((grid.fractions[i, a] + width) * grid.n_bins[a])
        if not grid.periodic[a]:
            low[a], high[a] = max(low[a], 0), min(high[a], grid.n_bins[a] - 1)
    return low, high
