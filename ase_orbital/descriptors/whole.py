r"""Overlap matrices of environments without symmetry, on the CPU and without a gradient.

The same numbers as `overlap_matrices` for s orbitals: $M_{ij} = e^{E_{ij}}$ with

$E_{ij} = -d_{ij}^2 / 2 (a_i^2 + a_j^2) + \frac{3}{2} \ln (2 a_i a_j / (a_i^2 + a_j^2))
+ \ln A_i + \ln A_j$.

All of it but the exponential is one pass over half a matrix: what costs time is memory,
which the steps of `overlap_matrices` fill a dozen times.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from ase_orbital.neighbors.compiled import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ase_orbital.descriptors.environments import Environment

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]


def lower_overlaps(
    part: Environment, widths: Floats, cutoff: float, dtype: torch.dtype
) -> torch.Tensor:
    """Lower triangles of the damped overlap matrices, [n_environments, n, n].

    Parameters
    ----------
    part
        Environments of one size, inside the cutoff.
    widths : [n_atoms]
        Width of each atom's Gaussian. Å.
    cutoff
        Where damping gets to zero. Å.
    dtype
        Of the matrices; above the diagonal they are 1.
    """
    kinds, kind = np.unique(widths, return_inverse=True)
    variance = kinds[:, None] ** 2 + kinds**2
    squared = np.square(part.points).sum(-1)
    with np.errstate(divide="ignore"):  # at the rim: the exponential of it is zero again
        damping = 2.0 * np.log(np.clip(1.0 - squared / cutoff**2, 0.0, None))
    # Summed in double precision, and rounded as what they are: exponents.
    exponents = torch.zeros(*part.atoms.shape, part.atoms.shape[1], dtype=dtype)
    _fill(
        part.points,
        kind[part.atoms],
        damping,
        -0.5 / variance,
        1.5 * np.log(2.0 * np.outer(kinds, kinds) / variance),
        exponents.numpy(),
    )
    return exponents.exp_()


@compiled
def _fill(
    points: Floats,
    kind: Integers,
    damping: Floats,
    slope: Floats,
    constant: Floats,
    exponents: NDArray[np.floating],
) -> None:
    n_environments, n = kind.shape
    for e in range(n_environments):
        for i in range(n):
            x, y, z = points[e, i, 0], points[e, i, 1], points[e, i, 2]
            own, slopes, constants = damping[e, i], slope[kind[e, i]], constant[kind[e, i]]
            for j in range(i + 1):
                dx, dy, dz = points[e, j, 0] - x, points[e, j, 1] - y, points[e, j, 2] - z
                square = dx * dx + dy * dy + dz * dz
                k = kind[e, j]
                exponents[e, i, j] = square * slopes[k] + constants[k] + own + damping[e, j]
