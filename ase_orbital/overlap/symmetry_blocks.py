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

from ase_orbital.neighbors.cell_list import shortened
from ase_orbital.numerics.exponential import exp_in_place
from ase_orbital.numerics.jit import compiled
from ase_orbital.overlap.site_symmetry import commuting_group, involutions

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

    from ase_orbital.neighbors.batch import Surroundings
    from ase_orbital.numerics.packing import Sheaves

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]


class Blocks(NamedTuple):
    """Blocks of some environments.

    center : [n_blocks] environment each belongs to; size : [n_blocks]; entries :
    [sum of size (size + 1) / 2] one block after another, lower triangles, row after row.
    """

    center: Integers
    size: Integers
    entries: Floats

    def triangles(self, sheaves: Sheaves, dtype: DTypeLike) -> NDArray[np.floating]:
        """Blocks as some sheaves of all of them lie in memory."""
        triangles, n_entries = sheaves.memory(0.0, dtype), self.size * (self.size + 1) // 2
        begin = (np.cumsum(n_entries) - n_entries)[sheaves.matrix]
        _put(self.entries, begin, n_entries[sheaves.matrix], *sheaves.places(), triangles)
        return triangles


def symmetric_blocks(
    structures: list[Surroundings], sizes: Integers, radii: Floats, cutoff: float
) -> Blocks:
    """Blocks of s overlaps around the first atoms of the orbits of structures.

    Parameters
    ----------
    structures
        At least one, surveyed up to one tolerance.
    sizes : [n_orbits]
        Atoms of each environment of all structures, the center included.
    radii : [119]
        Width of each element's Gaussians. Å.
    cutoff
        Where damping gets to zero. Å.

    Returns
    -------
    Blocks
        None for environments without symmetry, nor where an axis is open.
    """
    many = [(around.atoms, around.orbits, around.pairs) for around in structures]
    found = _all_blocks(
        np.array([atoms.cell.array for atoms, _, _ in many]),
        np.array([atoms.pbc for atoms, _, _ in many]),
        np.cumsum([0, *(len(atoms) for atoms, _, _ in many)]),
        np.concatenate([atoms.numbers for atoms, _, _ in many]),
        np.cumsum([0, *(len(orbits.first) for _, orbits, _ in many)]),
        np.concatenate([orbits.first for _, orbits, _ in many]),
        sizes,
        np.cumsum([0, *(len(pairs.neighbor) for _, _, pairs in many)]),
        np.concatenate([pairs.first for _, _, pairs in many]),
        np.concatenate([pairs.neighbor for _, _, pairs in many]),
        np.concatenate([pairs.vector for _, _, pairs in many]),
        np.concatenate([pairs.distance for _, _, pairs in many]),
        radii,
        cutoff,
        structures[0].tolerance,
    )
    return Blocks(*found)


@compiled
def _all_blocks(
    cells: Floats,
    periodic: NDArray[np.bool_],
    atoms_from: Integers,
    numbers: Integers,
    orbits_from: Integers,
    centers: Integers,
    sizes: Integers,
    all_pairs_from: Integers,
    pairs_from: Integers,
    neighbor: Integers,
    vector: Floats,
    distance: Floats,
    radii: Floats,
    cutoff: float,
    tolerance: float,
) -> tuple[Integers, Integers, Floats]:
    """Fields of Blocks: one call for many structures lets other threads go on."""
    found, n_blocks, n_entries = [], 0, 0
    for s in range(len(cells)):
        a, o = slice(atoms_from[s], atoms_from[s + 1]), orbits_from[s : s + 2]
        p = slice(all_pairs_from[s], all_pairs_from[s + 1])
        if not periodic[s].all():
            continue
        part = _blocks(
            cells[s], periodic[s], numbers[a], radii, centers[o[0] : o[1]],
            sizes[o[0] : o[1]], pairs_from[a.start + s : a.stop + s + 1], neighbor[p],
            vector[p], distance[p], cutoff, tolerance,
        )  # fmt: skip
        for block in range(len(part[0])):
            part[0][block] += o[0]
        found.append(part)
        n_blocks, n_entries = n_blocks + len(part[0]), n_entries + len(part[2])
    center, size = np.empty(n_blocks, np.int64), np.empty(n_blocks, np.int64)
    entries, block, entry = np.empty(n_entries), 0, 0
    for part in found:
        center[block : block + len(part[0])] = part[0]
        size[block : block + len(part[0])] = part[1]
        entries[entry : entry + len(part[2])] = part[2]
        block, entry = block + len(part[0]), entry + len(part[2])
    return center, size, entries


@compiled
def _put(
    entries: Floats,
    begin: Integers,
    n_entries: Integers,
    places: Integers,
    strides: Integers,
    triangles: NDArray[np.floating],
) -> None:
    """Write the entries of each block into its lane."""
    for block in range(len(begin)):
        at = places[block]
        for entry in range(begin[block], begin[block] + n_entries[block]):
            triangles[at] = entries[entry]
            at += strides[block]


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
    operations = involutions(shortened(cell, periodic)[0], tolerance)
    block_of = np.empty(8 * len(centers), np.int64)
    block_size = np.empty(8 * len(centers), np.int64)
    entries = np.empty((sizes * (sizes + 1) // 2).sum() if len(operations) else 0)
    elements = np.unique(numbers)
    species = np.searchsorted(elements, numbers)
    slope, factor = _of_species(radii[elements])
    n_blocks, n_entries = 0, 0
    for index in range(len(centers) if len(operations) else 0):
        n, begin = sizes[index], pairs_from[centers[index]]
        if not _alike(distance[begin : begin + n - 1], tolerance):
            continue
        points, lengths = np.zeros((n, 3)), np.zeros(n)
        kinds = np.empty(n, np.int64)
        kinds[0] = species[centers[index]]
        for at in range(1, n):
            kinds[at] = species[neighbor[begin + at - 1]]
            lengths[at] = distance[begin + at - 1]
            for a in range(3):
                points[at, a] = vector[begin + at - 1, a]
        images = commuting_group(points, lengths, kinds, operations, tolerance)
        if len(images) == 1:
            continue
        damping = np.empty(n)
        for at in range(n):
            damping[at] = (1.0 - (lengths[at] / cutoff) ** 2) ** 2
        found = _write_blocks(
            points, kinds, damping, slope, factor, images, entries[n_entries:]
        )
        for size in found:
            if size:
                block_of[n_blocks], block_size[n_blocks] = index, size
                n_blocks += 1
                n_entries += size * (size + 1) // 2
    return (
        block_of[:n_blocks].copy(),
        block_size[:n_blocks].copy(),
        entries[:n_entries].copy(),
    )


@compiled
def _of_species(widths: Floats) -> tuple[Floats, Floats]:
    """Overlap of two species of Gaussians: factor * exp(-slope * squared distance)."""
    n = len(widths)
    slope, factor = np.empty((n, n)), np.empty((n, n))
    for one in range(n):
        for two in range(n):
            variance = widths[one] * widths[one] + widths[two] * widths[two]
            ratio = 2.0 * widths[one] * widths[two] / variance
            slope[one, two] = 0.5 / variance
            factor[one, two] = ratio * math.sqrt(ratio)
    return slope, factor


@compiled
def _alike(lengths: Floats, tolerance: float) -> bool:
    """Whether two of the sorted lengths are equal: what an operation moves has to."""
    return bool((lengths[1:] - lengths[:-1] <= tolerance).any())


@compiled
def _write_blocks(
    points: Floats,
    kinds: Integers,
    damping: Floats,
    slope: Floats,
    factor: Floats,
    images: Integers,
    out: Floats,
) -> Integers:
    """Write one block a character, one after another; their sizes, [g]."""
    g, n = images.shape
    # An orbit takes part in a block if the operations that leave its points alone have
    # sign 1: otherwise its sum is nothing.
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
        # Over the group each member comes as often as operations leave it alone.
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
    # Where each operation takes each orbit's first point: loops over orbits are the inner.
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


@compiled
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


@compiled
def _sign(character: int, operation: int) -> int:
    """Character of an operation: minus one for each generator that both have."""
    both, sign = character & operation, 1
    while both:
        sign = -sign
        both &= both - 1
    return sign
