r"""Overlap matrices in the blocks that the symmetry of their environment leaves.

Mirrors, two-fold axes and the inversion that leave an environment as it is, and commute,
make a group of g = 2, 4 or 8 operations. Sums over its orbits with the signs of one of its
g characters do not overlap with those of another: the matrix of n atoms falls apart into
g blocks of about n / g, with the same eigenvalues for a g^2-th of the work.

Source: textbooks on molecular orbitals; symmetry-adapted linear combinations.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ase_orbital.neighbors.bins import inverted, shortened
from ase_orbital.neighbors.compiled import compiled
from ase_orbital.neighbors.orbits import lattice_rotations

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ase_orbital.neighbors.surroundings import Surroundings

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

STEP = 4
RANK = 3  # operations that commute and are no products of each other: no group has more
NEGLIGIBLE = 40.0  # exponents above make no difference in double precision


class Blocks(NamedTuple):
    """Blocks of some environments.

    center : [n_blocks] environment each belongs to; size : [n_blocks]; entries :
    [sum of size^2] one block after another, lower triangles. Sizes are multiples of
    `STEP`, with zeros behind, so that many blocks are of one size.
    """

    center: Integers
    size: Integers
    entries: Floats


def symmetric_blocks(
    around: Surroundings, sizes: Integers, radii: Floats, cutoff: float
) -> Blocks:
    """Blocks of s overlaps around the first atoms of the orbits of a crystal.

    Parameters
    ----------
    around
        Of a crystal, periodic along all axes.
    sizes : [n_orbits]
        Atoms of each environment, the center included.
    radii : [119]
        Width of each element's Gaussians. Å.
    cutoff
        Where damping gets to zero. Å.

    Returns
    -------
    Blocks
        None for environments without symmetry.
    """
    atoms, pairs = around.atoms, around.pairs
    found = _blocks(
        atoms.cell.array, atoms.pbc, atoms.numbers, radii, around.orbits.first, sizes,
        pairs.first, pairs.neighbor, pairs.vector, pairs.distance, cutoff, around.tolerance,
    )  # fmt: skip
    return Blocks(*found)


@compiled
def _blocks(
    cell: Floats,
    periodic: NDArray[np.bool_],
    numbers: Integers,
    radii: Floats,
    centers: Integers,
    sizes: Integers,
    pairs_from: Integers,
    neighbor: Integers,
    vector: Floats,
    distance: Floats,
    cutoff: float,
    tolerance: float,
) -> tuple[Integers, Integers, Floats]:
    """Fields of Blocks."""
    operations = _involutions(shortened(cell, periodic)[0], tolerance)
    block_of = np.empty(8 * len(centers), np.int64)
    block_size = np.empty(8 * len(centers), np.int64)
    entries = np.empty(((sizes + 8 * STEP) ** 2).sum() if len(operations) else 0)
    n_blocks, n_entries = 0, 0
    for index in range(len(centers) if len(operations) else 0):
        n, begin = sizes[index], pairs_from[centers[index]]
        if not _alike(distance[begin : begin + n - 1], tolerance):
            continue
        points, widths = np.zeros((n, 3)), np.empty(n)
        lengths, kinds = np.zeros(n), np.empty(n, np.int64)
        kinds[0] = numbers[centers[index]]
        for at in range(1, n):
            kinds[at] = numbers[neighbor[begin + at - 1]]
            lengths[at] = distance[begin + at - 1]
            for a in range(3):
                points[at, a] = vector[begin + at - 1, a]
        for at in range(n):
            widths[at] = radii[kinds[at]]
        images = _group(points, lengths, kinds, operations, tolerance)
        if len(images) == 1:
            continue
        damping = np.empty(n)
        for at in range(n):
            damping[at] = (1.0 - (lengths[at] / cutoff) ** 2) ** 2
        found = _write_blocks(points, widths, damping, images, entries[n_entries:])
        for size in found:
            if size:
                block_of[n_blocks], block_size[n_blocks] = index, size
                n_blocks += 1
                n_entries += size * size
    return (
        block_of[:n_blocks].copy(),
        block_size[:n_blocks].copy(),
        entries[:n_entries].copy(),
    )


@compiled
def _alike(lengths: Floats, tolerance: float) -> bool:
    """Whether two of the sorted lengths are equal: what an operation moves has to."""
    return bool((lengths[1:] - lengths[:-1] <= tolerance).any())


@compiled
def _involutions(vectors: Floats, tolerance: float) -> Floats:
    """Operations of a lattice that are their own inverse, [n, 3, 3]; x @ operation."""
    rotations, reciprocal = lattice_rotations(vectors, tolerance), inverted(vectors)
    found, count = np.zeros((len(rotations), 3, 3)), 0
    for r in range(1, len(rotations)):
        rotation = rotations[r].astype(np.float64)
        # reciprocal.T @ rotation @ vectors, from the left
        for a in range(3):
            for b in range(3):
                total = 0.0
                for c in range(3):
                    for d in range(3):
                        total += reciprocal[c, a] * rotation[c, d] * vectors[d, b]
                found[count, a, b] = total
        if _unlike(found[count], found[count], np.eye(3)) < 1e-6:
            count += 1
    return found[:count]


@compiled
def _unlike(a: Floats, b: Floats, product: Floats) -> float:
    """Largest entry of a @ b - product, [3, 3] each."""
    largest = 0.0
    for i in range(3):
        for j in range(3):
            entry = a[i, 0] * b[0, j] + a[i, 1] * b[1, j] + a[i, 2] * b[2, j]
            largest = max(largest, abs(entry - product[i, j]))
    return largest


@compiled
def _group(
    points: Floats, lengths: Floats, kinds: Integers, operations: Floats, tolerance: float
) -> Integers:
    """Where each operation of a commuting group takes each point, [g, n]."""
    n, rank = len(points), 0
    images = np.empty((2**RANK, n), np.int64)
    images[0] = np.arange(n)
    image = np.empty(n, np.int64)
    for operation in operations:
        if not _maps(points, lengths, kinds, operation, tolerance, image):
            continue
        size, new = 2**rank, True
        for known in range(size):
            same, commutes = True, True
            for at in range(n):
                same = same and images[known, at] == image[at]
                commutes = commutes and (
                    images[known, image[at]] == image[images[known, at]]
                )
            new = new and commutes and not same
        if new:
            for known in range(size):
                for at in range(n):
                    images[size + known, at] = image[images[known, at]]
            rank += 1
            if rank == RANK:
                break
    return images[: 2**rank]


@compiled
def _maps(
    points: Floats,
    lengths: Floats,
    kinds: Integers,
    operation: Floats,
    tolerance: float,
    image: Integers,
) -> bool:
    """Whether an operation takes every point to one of its kind, and which."""
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


@compiled
def _write_blocks(
    points: Floats, widths: Floats, damping: Floats, images: Integers, out: Floats
) -> Integers:
    """Write one block a character, one after another; their sizes, [g]."""
    g, n = images.shape
    # An orbit takes part in a block if the operations that leave its points alone have
    # sign 1: otherwise its sum is nothing.
    representative, n_members = np.empty(n, np.int64), np.empty(n, np.int64)
    place = np.full((n, g), -1)
    sizes, n_orbits = np.zeros(g, np.int64), 0
    signs = np.empty((g, g))
    for character in range(g):
        for m in range(g):
            signs[character, m] = _sign(character, m)
    for p in range(n):
        lowest, fixing = p, 0
        for m in range(g):
            lowest = min(lowest, images[m, p])
            fixing += images[m, p] == p
        if lowest != p:
            continue
        representative[n_orbits], n_members[n_orbits] = p, g // fixing
        for character in range(g):
            total = 0.0
            for m in range(g):
                if images[m, p] == p:
                    total += signs[character, m]
            if total == fixing:
                place[n_orbits, character] = sizes[character]
                sizes[character] += 1
        n_orbits += 1
    for character in range(g):
        sizes[character] += -sizes[character] % STEP
    offsets = np.zeros(g + 1, np.int64)
    for character in range(g):
        offsets[character + 1] = offsets[character] + sizes[character] ** 2
    out[: offsets[g]] = 0.0
    sums = np.empty(g)
    for one in range(n_orbits):
        p = representative[one]
        x, y, z = points[p, 0], points[p, 1], points[p, 2]
        for two in range(one + 1):
            # Members of an orbit have one width and one damping.
            q = representative[two]
            variance = widths[p] * widths[p] + widths[q] * widths[q]
            ratio = 2.0 * widths[p] * widths[q] / variance
            factor = ratio * math.sqrt(ratio) * damping[p] * damping[q]
            # Over the group each member comes as often as operations leave it alone.
            factor *= math.sqrt(n_members[one] * n_members[two]) / g
            sums[:] = 0.0
            for m in range(g):
                q = images[m, representative[two]]
                dx, dy, dz = points[q, 0] - x, points[q, 1] - y, points[q, 2] - z
                exponent = (dx * dx + dy * dy + dz * dz) / (2.0 * variance)
                if exponent < NEGLIGIBLE:
                    overlap = factor * math.exp(-exponent)
                    for character in range(g):
                        sums[character] += signs[character, m] * overlap
            for character in range(g):
                row, column = place[one, character], place[two, character]
                if row >= 0 and column >= 0:
                    at = offsets[character] + row * sizes[character] + column
                    out[at] = sums[character]
    return sizes


@compiled
def _sign(character: int, operation: int) -> int:
    """Character of an operation: minus one for each generator that both have."""
    both, sign = character & operation, 1
    while both:
        sign = -sign
        both &= both - 1
    return sign
