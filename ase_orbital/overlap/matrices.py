r"""Overlap matrices of environments without symmetry, on the CPU and without a gradient.

The same numbers as `overlap_matrices` for s orbitals: $M_{ij} = e^{E_{ij}}$ with

$E_{ij} = -d_{ij}^2 / 2 (a_i^2 + a_j^2) + \frac{3}{2} \ln (2 a_i a_j / (a_i^2 + a_j^2))
+ \ln A_i + \ln A_j$.

All of it but the exponential is one pass over half a matrix: what costs time is memory,
which the steps of `overlap_matrices` fill a dozen times.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch

from ase_orbital.numerics.jit import compiled

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

    from ase_orbital.numerics.packing import Sheaves
    from ase_orbital.overlap.environments import Gathered

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]


def overlap_triangles(
    gathered: Gathered,
    chosen: Integers,
    sheaves: Sheaves,
    widths: Floats,
    kind: Integers,
    cutoff: float,
    dtype: DTypeLike,
) -> NDArray[np.floating]:
    """Damped overlap matrices, as sheaves of them lie in memory.

    Parameters
    ----------
    gathered
        Environments inside the cutoff.
    chosen : [n_environments]
        Places of those in the sheaves.
    sheaves
        Of `spectra.packed`.
    widths : [n_kinds]
        Different widths of Gaussians. Å.
    kind : [n_atoms]
        Place of each atom's width among them.
    cutoff
        Where damping gets to zero. Å.
    dtype
        Of the matrices.
    """
    variance = widths[:, None] ** 2 + widths**2
    triangles = sheaves.memory(-math.inf, dtype)  # what is not written becomes zero
    # Summed in double precision, and rounded as what they are: exponents.
    _fill(
        gathered.vector,
        gathered.begin[chosen],
        gathered.size[chosen],
        gathered.neighbor,
        gathered.atom[chosen],
        kind,
        cutoff,
        -0.5 / variance,
        1.5 * np.log(2.0 * np.outer(widths, widths) / variance),
        *sheaves.places(),
        triangles,
    )
    torch.from_numpy(triangles).exp_()
    return triangles


@compiled
def _fill(
    vectors: Floats,
    begins: Integers,
    sizes: Integers,
    neighbor: Integers,
    centers: Integers,
    kinds: Integers,
    cutoff: float,
    slope: Floats,
    constant: Floats,
    places: Integers,
    strides: Integers,
    exponents: NDArray[np.floating],
) -> None:
    """Write the exponents of each triangle."""
    most = sizes.max()
    points, damping, kind = np.zeros((3, most)), np.zeros(most), np.empty(most, np.int64)
    for e in range(len(begins)):
        n, at = sizes[e], places[e]
        kind[0] = kinds[centers[e]]
        for i in range(1, n):
            pair, square = begins[e] + i - 1, 0.0
            for a in range(3):
                points[a, i] = vectors[pair, a]
                square += vectors[pair, a] ** 2
            left = 1.0 - square / cutoff**2
            # At the rim: the exponential of it is zero again.
            damping[i] = 2.0 * math.log(left) if left > 0.0 else -math.inf
            kind[i] = kinds[neighbor[pair]]
        for i in range(n):
            x, y, z = points[0, i], points[1, i], points[2, i]
            slopes, constants, mine = slope[kind[i]], constant[kind[i]], damping[i]
            for j in range(i + 1):
                dx, dy, dz = points[0, j] - x, points[1, j] - y, points[2, j] - z
                square = dx * dx + dy * dy + dz * dz
                exponent = square * slopes[kind[j]] + constants[kind[j]]
                exponents[at] = exponent + mine + damping[j]
                at += strides[e]
