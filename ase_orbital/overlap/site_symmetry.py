"""Mirrors, two-fold axes and the inversion that map an atom's environment onto itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ase_orbital.neighbors.equivalent_atoms import lattice_rotations
from ase_orbital.numerics.jit import inner
from ase_orbital.numerics.vectors import inverted

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

RANK = 3  # most operations that commute and are not products of each other
ROUNDING = 1e-6  # in entries of operations, which are integers in the lattice's basis


@inner
def involutions(vectors: Floats, tolerance: float) -> Floats:
    """Operations of a lattice that are their own inverse, [n, 3, 3]; x @ operation."""
    rotations, reciprocal = lattice_rotations(vectors, tolerance), np.empty((3, 3))
    inverted(vectors, reciprocal)
    found, count = np.zeros((len(rotations), 3, 3)), 0
    cartesian = np.empty((3, 3))
    for r in range(1, len(rotations)):
        if not _own_inverse(rotations[r]):
            continue
        # reciprocal.T @ rotation @ vectors, from the right
        for c in range(3):
            for b in range(3):
                cartesian[c, b] = 0.0
                for d in range(3):
                    cartesian[c, b] += rotations[r, c, d] * vectors[d, b]
        for a in range(3):
            for b in range(3):
                for c in range(3):
                    found[count, a, b] += reciprocal[c, a] * cartesian[c, b]
        count += 1
    return found[:count]


@inner
def _own_inverse(rotation: Integers) -> bool:
    """Whether a rotation, [3, 3], is its own inverse."""
    for a in range(3):
        for b in range(3):
            entry = 0
            for c in range(3):
                entry += rotation[a, c] * rotation[c, b]
            if entry != (a == b):
                return False
    return True


@inner
def commuting_group(
    points: Floats, lengths: Floats, kinds: Integers, operations: Floats, tolerance: float
) -> Integers:
    """Image of each point under each operation of a commuting group, [g, n]."""
    n, rank = len(points), 0
    images = np.empty((2**RANK, n), np.int64)
    image = np.empty(n, np.int64)
    for at in range(n):
        images[0, at] = at
    elements = np.zeros((2**RANK, 3, 3))
    for a in range(3):
        elements[0, a, a] = 1.0
    for o in range(len(operations)):
        operation, size = operations[o], 2**rank
        if not _extends(operation, elements[:size]) or not _maps(
            points, lengths, kinds, operation, tolerance, image
        ):
            continue
        new = True
        for known in range(size):
            same = True
            for at in range(n):
                same = same and images[known, at] == image[at]
            new = new and not same
        if new:  # points in a plane or on a line do not tell all operations apart
            for known in range(size):
                for at in range(n):
                    images[size + known, at] = image[images[known, at]]
                for a in range(3):
                    for b in range(3):
                        for c in range(3):
                            elements[size + known, a, b] += (
                                operation[a, c] * elements[known, c, b]
                            )
            rank += 1
            if rank == RANK:
                break
    return images[: 2**rank]


@inner
def _extends(operation: Floats, elements: Floats) -> bool:
    """Whether an operation commutes with all of a group, [g, 3, 3], and is not in it."""
    for known in range(len(elements)):
        element, unlike, commuting = elements[known], 0.0, 0.0
        for a in range(3):
            for b in range(3):
                unlike = max(unlike, abs(operation[a, b] - element[a, b]))
                entry = 0.0
                for c in range(3):
                    entry += operation[a, c] * element[c, b]
                    entry -= element[a, c] * operation[c, b]
                commuting = max(commuting, abs(entry))
        if unlike < ROUNDING or commuting > ROUNDING:
            return False
    return True


@inner
def _maps(
    points: Floats,
    lengths: Floats,
    kinds: Integers,
    operation: Floats,
    tolerance: float,
    image: Integers,
) -> bool:
    """Whether an operation takes every point to one of its kind; writes which."""
    start, moved = 0, np.empty(3)
    for at in range(len(points)):
        while lengths[start] < lengths[at] - tolerance:
            start += 1
        for a in range(3):
            moved[a] = 0.0
            for b in range(3):
                moved[a] += points[at, b] * operation[b, a]
        image[at] = -1
        other = start
        while other < len(points) and lengths[other] <= lengths[at] + tolerance:
            square = 0.0
            for a in range(3):
                square += (points[other, a] - moved[a]) ** 2
            if square <= tolerance * tolerance and kinds[other] == kinds[at]:
                image[at] = other
                break
            other += 1
        if image[at] < 0:
            return False
    return True
