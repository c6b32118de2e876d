r"""Overlap matrices in block form, from the symmetry of the environment.

Mirrors, two-fold axes and the inversion that map an environment onto itself and commute
form a group of g = 2, 4 or 8 operations. Symmetry-adapted linear combinations of its
Gaussians, with the signs of one of the g characters of the group, do not overlap with those
of another. The matrix of n atoms therefore splits into g blocks of about n / g rows, which
have the same eigenvalues for a g^2-th of the work.

Source: textbooks on molecular orbitals, under symmetry-adapted linear combinations.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ase_orbital.neighbors.cell_list import shortened
from ase_orbital.numerics.exponential import exp_in_place
from ase_orbital.numerics.jit import compiled, inner
from ase_orbital.numerics.threads import balanced_chunks, each_on_one_thread
from ase_orbital.overlap.site_symmetry import commuting_group, involutions

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

    from ase_orbital.neighbors.batch import NeighborBatch
    from ase_orbital.numerics.packing import Packs
    from ase_orbital.overlap.environments import Extents
    from ase_orbital.overlap.matrices import Gaussians

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]


MAX_CENTERS = 256  # that one thread takes at a time


class Blocks(NamedTuple):
    """Blocks of the overlap matrices of environments.

    Parameters
    ----------
    center : [n_blocks]
        Inequivalent atom whose environment each block belongs to.
    size : [n_blocks]
        Rows of each block.
    entries : [sum of size (size + 1) / 2]
        Lower triangles, row after row, one block after another.
    """

    center: Integers
    size: Integers
    entries: Floats

    def triangles(self, packs: Packs, dtype: DTypeLike) -> NDArray[np.floating]:
        """Blocks in the layout of some of the packs that hold all of them."""
        triangles, n_entries = packs.full(0.0, dtype), self.size * (self.size + 1) // 2
        begin = (np.cumsum(n_entries) - n_entries)[packs.matrix]
        _put(self.entries, begin, n_entries[packs.matrix], *packs.places(), triangles)
        return triangles


def symmetry_blocks(batch: NeighborBatch, gaussians: Gaussians, extents: Extents) -> Blocks:
    """Compute the blocks of the overlap matrices of all symmetric environments.

    Parameters
    ----------
    batch, gaussians
        Structures, and the Gaussians of their atoms.
    extents
        Of the environments.

    Returns
    -------
    Blocks
        Of s overlaps. Environments without symmetry, and those of structures that are not
        periodic in all directions, have none.
    """
    width = gaussians.width
    variance = width[:, None] * width[:, None] + width * width
    ratio = 2.0 * width[:, None] * width / variance
    slope, factor = 0.5 / variance, ratio * np.sqrt(ratio)
    first = batch.first_inequivalent
    shares = balanced_chunks(range(len(batch.cells)), np.diff(first).tolist(), MAX_CENTERS)

    def compute(share: list[int]) -> tuple[Integers, Integers, Floats]:
        return _blocks(
            batch, share[0], share[-1] + 1, gaussians.species, *extents, slope, factor
        )

    found = list(each_on_one_thread(compute, shares))
    if len(found) == 1:
        return Blocks(*found[0])
    return Blocks(*map(np.concatenate, zip(*found, strict=True)))


@compiled
def _blocks(
    batch: NeighborBatch,
    begin: int,
    end: int,
    species: Integers,
    sizes: Integers,
    cutoffs: Floats,
    slope: Floats,
    factor: Floats,
) -> tuple[Integers, Integers, Floats]:
    """Fields of Blocks for the structures from `begin` to `end`.

    slope, factor : [n_species, n_species], for overlaps factor * exp(-slope * d^2).
    """
    first, last = batch.first_inequivalent[begin], batch.first_inequivalent[end]
    room = 0
    for one in range(first, last):
        room += sizes[one] * (sizes[one] + 1) // 2
    index, size = (
        np.empty(8 * (last - first), np.int64),
        np.empty(8 * (last - first), np.int64),
    )
    entries, n_blocks, n_entries = np.empty(room), 0, 0
    for s in range(begin, end):
        pbc = batch.pbc[s]
        if not (pbc[0] and pbc[1] and pbc[2]):
            continue
        operations = involutions(shortened(batch.cells[s], pbc)[0], batch.tolerance)
        if len(operations) == 0:
            continue
        for one in range(batch.first_inequivalent[s], batch.first_inequivalent[s + 1]):
            n, center = sizes[one], batch.representative[one]
            start = batch.first_pair[center]
            if not _any_equal(batch.distance[start : start + n - 1], batch.tolerance):
                continue
            points, lengths = np.zeros((n, 3)), np.zeros(n)
            kinds, damping = np.empty(n, np.int64), np.ones(n)
            kinds[0] = species[center]
            for at in range(1, n):
                pair = start + at - 1
                kinds[at], lengths[at] = species[batch.neighbor[pair]], batch.distance[pair]
                damping[at] = (1.0 - (lengths[at] / cutoffs[one]) ** 2) ** 2
                for a in range(3):
                    points[at, a] = batch.vector[pair, a]
            images = commuting_group(points, lengths, kinds, operations, batch.tolerance)
            if len(images) == 1:
                continue
            found = _write_blocks(
                points, kinds, damping, slope, factor, images, entries[n_entries:]
            )
            for n_rows in found:
                if n_rows:
                    index[n_blocks], size[n_blocks] = one, n_rows
                    n_blocks += 1
                    n_entries += n_rows * (n_rows + 1) // 2
    return index[:n_blocks], size[:n_blocks], entries[:n_entries]


@compiled
def _put(
    entries: Floats,
    begin: Integers,
    n_entries: Integers,
    places: Integers,
    strides: Integers,
    triangles: NDArray[np.floating],
) -> None:
    """Write the entries of each block."""
    for block in range(len(begin)):
        at = places[block]
        for entry in range(begin[block], begin[block] + n_entries[block]):
            triangles[at] = entries[entry]
            at += strides[block]


@inner
def _any_equal(lengths: Floats, tolerance: float) -> bool:
    """Whether two of the sorted lengths are equal, as those of points that move are."""
    found = False
    for at in range(1, len(lengths)):
        found = found or lengths[at] - lengths[at - 1] <= tolerance
    return found


@inner
def _write_blocks(
    points: Floats,
    kinds: Integers,
    damping: Floats,
    slope: Floats,
    factor: Floats,
    images: Integers,
    out: Floats,
) -> Integers:
    """Write one block for each character, one after another; their sizes, [g].

    An orbit here is a set of points that the operations map onto each other.
    """
    g, n = images.shape
    # An orbit takes part in a block if the operations that fix its points have sign 1.
    # Otherwise its linear combination is zero.
    representative, weight = np.empty(n, np.int64), np.empty(n)
    members, sizes = np.empty((g, n), np.int64), np.zeros(g, np.int64)
    n_orbits = 0
    for p in range(n):
        lowest, fixing = p, 0
        for m in range(g):
            lowest = min(lowest, images[m, p])
            fixing += images[m, p] == p
        if lowest != p:
            continue
        # Over the group each member comes as often as there are operations that fix it.
        representative[n_orbits], weight[n_orbits] = p, damping[p] / math.sqrt(fixing)
        for character in range(g):
            total = 0
            for m in range(g):
                if images[m, p] == p:
                    total += _sign(character, m)
            if total == fixing:
                members[character, sizes[character]] = n_orbits
                sizes[character] += 1
        n_orbits += 1
    # Images of each orbit's first point. Loops over orbits are the inner ones.
    x, y, z = np.empty((g, n_orbits)), np.empty((g, n_orbits)), np.empty((g, n_orbits))
    for m in range(g):
        for two in range(n_orbits):
            point = points[images[m, representative[two]]]
            x[m, two], y[m, two], z[m, two] = point[0], point[1], point[2]
    # Exponents of all pairs of orbits: for each operation, one lower triangle.
    n_entries = n_orbits * (n_orbits + 1) // 2
    sums, weights = np.empty((g, n_entries)), np.empty(n_entries)
    steepness = np.empty(n_orbits)
    for one in range(n_orbits):
        kind, begin = kinds[representative[one]], one * (one + 1) // 2
        for two in range(one + 1):
            # Members of an orbit are of one species and have one damping.
            other = kinds[representative[two]]
            steepness[two] = -slope[kind, other]
            weights[begin + two] = factor[kind, other] * weight[one] * weight[two]
        for m in range(g):
            for two in range(one + 1):
                dx, dy = x[m, two] - x[0, one], y[m, two] - y[0, one]
                dz = z[m, two] - z[0, one]
                sums[m, begin + two] = steepness[two] * (dx * dx + dy * dy + dz * dz)
    exp_in_place(sums.reshape(-1))
    _sum_with_signs(sums)
    at = 0
    for character in range(g):
        for row in range(sizes[character]):
            one = members[character, row]
            begin = one * (one + 1) // 2
            for column in range(row + 1):
                entry = begin + members[character, column]
                out[at] = weights[entry] * sums[character, entry]
                at += 1
    return sizes


@inner
def _sum_with_signs(values: Floats) -> None:
    """Sums over the group with the signs of each character.

    values : [g, n], a row for each operation, and then for each character.
    """
    half = 1  # a fast Walsh-Hadamard transform
    while half < len(values):
        for start in range(0, len(values), 2 * half):
            for row in range(start, start + half):
                for at in range(values.shape[1]):
                    plus, minus = values[row, at], values[row + half, at]
                    values[row, at], values[row + half, at] = plus + minus, plus - minus
        half *= 2


@inner
def _sign(character: int, operation: int) -> int:
    """Character of an operation: minus one for each generator that both have."""
    both, sign = character & operation, 1
    while both:
        sign = -sign
        both &= both - 1
    return sign
