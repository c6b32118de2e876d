r"""Full overlap matrices of environments, on the CPU and without gradients.

The entries are those of `overlap_matrices` for s orbitals, $M_{ij} = e^{E_{ij}}$ with

$E_{ij} = -d_{ij}^2 / 2 (a_i^2 + a_j^2) + \frac{3}{2} \ln (2 a_i a_j / (a_i^2 + a_j^2))
+ \ln A_i + \ln A_j$.

Everything but the exponential is computed in one pass over half a matrix. Memory is the
bottleneck, and the torch operations in `overlap_matrices` write it a dozen times.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from ase_orbital.numerics.jit import compiled

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

    from ase_orbital.neighbors.batch import NeighborBatch
    from ase_orbital.numerics.packing import Packs
    from ase_orbital.overlap.environments import Extents

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]


class Gaussians(NamedTuple):
    """Gaussians on the atoms of a batch.

    Parameters
    ----------
    species : [n_atoms]
        Index of each atom's element among those of the batch.
    width : [n_species]
        Å.
    """

    species: Integers
    width: Floats


class OverlapMatrix(NamedTuple):
    """Damped overlap matrix of one environment, from `GOM.matrix`.

    Parameters
    ----------
    values : [n_rows, n_rows]
        Overlaps. There are one or, with p orbitals, four rows for each atom.
    numbers : [n]
        Atomic numbers, in the order of the rows; the center is the first atom.
    distances : [n]
        Distances from the center in ascending order. Å.
    """

    values: Floats
    numbers: Integers
    distances: Floats


def full_triangles(
    batch: NeighborBatch,
    gaussians: Gaussians,
    extents: Extents,
    index: Integers,
    packs: Packs,
    dtype: DTypeLike,
) -> NDArray[np.floating]:
    """Compute damped overlap matrices in the layout of the packed eigenvalue solver.

    Parameters
    ----------
    batch, gaussians
        Structures, and the Gaussians of their atoms.
    extents
        Of the environments.
    index : [n_environments]
        Inequivalent atoms whose environments the packs hold.
    packs
        From `packing.pack`.
    dtype
        Type of the entries.
    """
    width = gaussians.width
    variance = width[:, None] ** 2 + width**2
    triangles = packs.full(-math.inf, dtype)  # the exponential of it is zero
    constant = 1.5 * np.log(2.0 * np.outer(width, width) / variance)
    _write_exponents(
        batch, gaussians.species, *extents, index, -0.5 / variance, constant,
        *packs.places(), triangles,
    )  # fmt: skip
    torch.from_numpy(triangles).exp_()
    return triangles


@compiled
def _write_exponents(
    batch: NeighborBatch,
    species: Integers,
    sizes: Integers,
    cutoffs: Floats,
    index: Integers,
    slope: Floats,
    constant: Floats,
    places: Integers,
    strides: Integers,
    exponents: NDArray[np.floating],
) -> None:
    """Write the exponents of each triangle; the sums are in double precision."""
    largest = 0
    for one in index:
        largest = max(largest, sizes[one])
    points, damping = np.zeros((3, largest)), np.zeros(largest)
    kind = np.empty(largest, np.int64)
    for e in range(len(index)):
        n, at, center = sizes[index[e]], places[e], batch.representative[index[e]]
        kind[0], cutoff = species[center], cutoffs[index[e]]
        for i in range(1, n):
            pair, square = batch.first_pair[center] + i - 1, 0.0
            for a in range(3):
                points[a, i] = batch.vector[pair, a]
                square += batch.vector[pair, a] ** 2
            left = 1.0 - square / cutoff**2
            damping[i] = 2.0 * math.log(left) if left > 0.0 else -math.inf
            kind[i] = species[batch.neighbor[pair]]
        for i in range(n):
            x, y, z = points[0, i], points[1, i], points[2, i]
            slopes, constants, mine = slope[kind[i]], constant[kind[i]], damping[i]
            for j in range(i + 1):
                dx, dy, dz = points[0, j] - x, points[1, j] - y, points[2, j] - z
                square = dx * dx + dy * dy + dz * dz
                exponent = square * slopes[kind[j]] + constants[kind[j]]
                exponents[at] = exponent + mine + damping[j]
                at += strides[e]
