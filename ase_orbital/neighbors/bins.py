"""Atoms sorted into bins, compiled, for any cell and any mixture of open axes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ase_orbital.neighbors.compiled import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

DONE, NOT_FINITE, FLAT = range(3)
PER_BIN = 3.0  # atoms
NARROWEST = 1.0  # Angstrom; what flat and linear structures count as along open axes


class Grid(NamedTuple):
    """Atoms sorted into bins, in a frame of short lattice vectors.

    Open axes get vectors normal to all others that span the atoms.
    """

    periodic: NDArray[np.bool_]  # [3]
    vectors: Floats  # [3, 3], Angstrom
    reciprocal: Floats  # [3, 3], rows; x @ reciprocal.T are fractional coordinates
    steps: Integers  # [3, 3], vectors = steps @ cell along periodic axes
    spacing: float  # cube root of the volume per atom, Angstrom
    positions: Floats  # [n_atoms, 3], wrapped
    fractions: Floats  # [n_atoms, 3]
    wraps: Integers  # [n_atoms, 3], lattice vectors taken off by wrapping
    n_bins: Integers  # [3]
    first: Integers  # [n_bins + 1], where a bin starts in `members`
    members: Integers  # [n_atoms]


@compiled
def shortened(cell: Floats, periodic: NDArray[np.bool_]) -> tuple[Floats, Integers]:
    """Lattice vectors, each taken off the others while that makes them shorter."""
    vectors, steps = cell.copy(), np.eye(3).astype(np.int64)
    changed = True
    while changed:
        changed = False
        for a in range(3):
            for b in range(3):
                square = np.sum(vectors[b] ** 2)
                if a == b or square == 0.0 or not (periodic[a] and periodic[b]):
                    continue
                ratio = np.sum(vectors[a] * vectors[b]) / square
                if abs(ratio) > 0.5 + 1e-9:
                    times = round(ratio)
                    vectors[a] -= times * vectors[b]
                    steps[a] -= times * steps[b]
                    changed = True
    return vectors, steps


@compiled
def framed(vectors: Floats, periodic: NDArray[np.bool_]) -> bool:
    """Put unit vectors normal to all others on open axes; False if the cell is flat."""
    basis = np.zeros((3, 3))
    count = 0
    for a in range(3):
        if periodic[a]:
            rest = vectors[a].copy()
            for b in range(count):
                rest -= np.sum(rest * basis[b]) * basis[b]
            length = math.sqrt(np.sum(rest**2))
            if not length > 1e-6 * math.sqrt(np.sum(vectors[a] ** 2)):
                return False
            basis[count] = rest / length
            count += 1
    for a in range(3):
        if not periodic[a]:
            left = np.eye(3)
            for b in range(count):
                left -= np.outer(left @ basis[b], basis[b])
            sizes = np.sqrt(np.sum(left**2, axis=1))
            best = np.argmax(sizes)
            basis[count] = left[best] / sizes[best]
            vectors[a] = basis[count]
            count += 1
    return True


@compiled
def inverted(vectors: Floats) -> Floats:
    """Reciprocal vectors as rows, without 2 pi."""
    rows = np.empty((3, 3))
    for a in range(3):
        p, q = vectors[(a + 1) % 3], vectors[(a + 2) % 3]
        for b in range(3):
            c, d = (b + 1) % 3, (b + 2) % 3
            rows[a, b] = p[c] * q[d] - p[d] * q[c]
    return rows / np.sum(rows[0] * vectors[0])


@compiled
def binned(
    positions: Floats, cell: Floats, periodic: NDArray[np.bool_]
) -> tuple[int, Grid]:
    """Sort atoms into bins; the first value is DONE, or why it cannot be done."""
    status = DONE
    vectors, steps = shortened(cell, periodic)
    if not (np.isfinite(positions).all() and np.isfinite(cell).all()):
        status = NOT_FINITE
    elif not framed(vectors, periodic):
        status = FLAT
    n = len(positions) if status == DONE else 0
    if n == 0:
        vectors = np.eye(3)
    reciprocal = inverted(vectors)
    wrapped, wraps = positions[:n].copy(), np.zeros((n, 3), np.int64)
    fractions = np.empty((n, 3))
    for a in range(3 if n else 0):
        r, v = reciprocal[a], vectors[a]
        for i in range(n):
            x, y, z = positions[i, 0], positions[i, 1], positions[i, 2]
            fractions[i, a] = x * r[0] + y * r[1] + z * r[2]
            if periodic[a]:
                whole = math.floor(fractions[i, a])
                fractions[i, a] -= whole
                wraps[i, a] = whole
                for b in range(3):
                    wrapped[i, b] -= whole * v[b]
        if not periodic[a]:
            fractions[:, a] -= fractions[:, a].min()
            width = max(fractions[:, a].max(), NARROWEST)
            fractions[:, a] /= width
            v *= width
            r /= width
    volume = abs(np.sum(np.cross(vectors[0], vectors[1]) * vectors[2]))
    spacing = np.cbrt(volume / max(n, 1))
    n_bins, first, members = sorted_in(fractions, reciprocal, spacing)
    return status, Grid(
        periodic,
        vectors,
        reciprocal,
        steps,
        spacing,
        wrapped,
        fractions,
        wraps,
        n_bins,
        first,
        members,
    )


@compiled
def sorted_in(
    fractions: Floats, reciprocal: Floats, spacing: float
) -> tuple[Integers, Integers, Integers]:
    """Bins along each vector, start of each bin, and atoms in the order of bins."""
    n = len(fractions)
    heights = 1.0 / np.sqrt(np.sum(reciprocal**2, axis=1))
    width = np.cbrt(PER_BIN) * spacing
    n_bins = np.maximum(heights / width, 1.0).astype(np.int64)
    while np.prod(n_bins) > 4 * n + 8:
        n_bins[np.argmax(n_bins)] //= 2
    bins = np.zeros(n, np.int64)
    for a in range(3):
        for i in range(n):
            inside = min(int(fractions[i, a] * n_bins[a]), n_bins[a] - 1)
            bins[i] = bins[i] * n_bins[a] + inside
    first = np.zeros(np.prod(n_bins) + 1, np.int64)
    for b in bins:
        first[b + 1] += 1
    first = np.cumsum(first)
    return n_bins, first, np.argsort(bins, kind="mergesort")


@compiled
def bins_around(i: int, radius: float, grid: Grid) -> Integers:
    """Rows [bin, shift] of all bins that a sphere around atom i may touch, [n, 4]."""
    low, high = np.empty(3, np.int64), np.empty(3, np.int64)
    for a in range(3):
        r = grid.reciprocal[a]
        width = radius * math.sqrt(r[0] * r[0] + r[1] * r[1] + r[2] * r[2])
        low[a] = math.floor((grid.fractions[i, a] - width) * grid.n_bins[a])
        high[a] = math.floor((grid.fractions[i, a] + width) * grid.n_bins[a])
        if not grid.periodic[a]:
            low[a], high[a] = max(low[a], 0), min(high[a], grid.n_bins[a] - 1)
    rows = np.empty((np.prod(high - low + 1), 4), np.int64)
    n0, n1, n2 = grid.n_bins
    count = 0
    for b0 in range(low[0], high[0] + 1):
        s0 = b0 // n0
        for b1 in range(low[1], high[1] + 1):
            s1 = b1 // n1
            before = ((b0 - s0 * n0) * n1 + b1 - s1 * n1) * n2
            for b2 in range(low[2], high[2] + 1):
                s2 = b2 // n2
                rows[count, 0] = before + b2 - s2 * n2
                rows[count, 1], rows[count, 2], rows[count, 3] = s0, s1, s2
                count += 1
    return rows
