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

from ase_orbital.compiled import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ase_orbital.descriptors.environments import Environment

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]


def lower_overlaps(
    part: Environment, widths: Floats, kind: Integers, cutoff: float, dtype: torch.dtype
) -> torch.Tensor:
    """Lower triangles of the damped overlap matrices, [n_environments, n, n].

    Parameters
    ----------
    part
        Environments of one size, inside the cutoff.
    widths : [n_kinds]
        Different widths of Gaussians. Å.
    kind : [n_atoms]
        Place of each atom's width among them.
    cutoff
        Where damping gets to zero. Å.
    dtype
        Of the matrices; above the diagonal they are 1.
    """
    variance = widths[:, None] ** 2 + widths**2
    # Summed in double precision, and rounded as what they are: exponents.
    exponents = torch.zeros(*part.atoms.shape, part.atoms.shape[1], dtype=dtype)
    _fill(
        part.points,
        part.atoms,
        kind,
        cutoff,
        -0.5 / variance,
        1.5 * np.log(2.0 * np.outer(widths, widths) / variance),
        exponents.numpy(),
    )
    return exponents.exp_()


@compiled
def _fill(
    points: Floats,
    atoms: Integers,
    kind: Integers,
    cutoff: float,
    slope: Floats,
    constant: Floats,
    exponents: NDArray[np.floating],
) -> None:
    n_environments, n = atoms.shape
    damping, kinds = np.empty(n), np.empty(n, np.int64)
    for e in range(n_environments):
        for i in range(n):
            x, y, z = points[e, i, 0], points[e, i, 1], points[e, i, 2]
            left = 1.0 - (x * x + y * y + z * z) / cutoff**2
            # At the rim: the exponential of it is zero again.
            damping[i] = 2.0 * math.log(left) if left > 0.0 else -math.inf
            kinds[i] = kind[atoms[e, i]]
            slopes, constants = slope[kinds[i]], constant[kinds[i]]
            for j in range(i + 1):
                dx, dy, dz = points[e, j, 0] - x, points[e, j, 1] - y, points[e, j, 2] - z
                square = dx * dx + dy * dy + dz * dz
                k = kinds[j]
                exponents[e, i, j] = (
                    square * slopes[k] + constants[k] + damping[i] + damping[j]
                )
