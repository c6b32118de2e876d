r"""Overlap matrices of atom-centered Gaussians and their eigenvalues, differentiable.

Source: Sadeghi et al., J. Chem. Phys. 139, 184118 (2013), doi:10.1063/1.4828704; Zhu et
al., J. Chem. Phys. 144, 034203 (2016), doi:10.1063/1.4940026.

An s orbital of width a is $e^{-r^2 / 2a^2}$, normalized. A p orbital is its derivative,
$p_\alpha = \sqrt{2}\, a\, \partial s / \partial R_\alpha$, so every block follows from the
overlap of two s orbitals by differentiation.
"""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Any

import torch

from ase_orbital.numerics.packing import symmetric_eigenvalues

if TYPE_CHECKING:
    from torch import Tensor

# Eigenvalues closer than this, relative to the largest, form one degenerate set.
DEGENERATE = {torch.float64: 1e-9, torch.float32: 1e-5}
_one_at_a_time = Lock()  # for linear algebra on other devices


def overlap_matrices(
    points: Tensor,
    widths: Tensor,
    *,
    cutoff: float | Tensor,
    orbitals: str,
    exponent: int = 2,
) -> Tensor:
    r"""Compute damped overlap matrices of environments of one size.

    $M_{ij} = A_i S_{ij} A_j$ with $A_i = (1 - d_{ci}^2 / R^2)^p$.

    Parameters
    ----------
    points : [n_environments, n, 3]
        Atoms of each environment, relative to its center. Å.
    widths : [n_environments, n]
        Width of each atom's Gaussians. Å.
    cutoff
        R, in Å, or [n_environments, 1]. The damping factor is zero there and beyond.
    orbitals
        "s" for one Gaussian per atom, "sp" for four: s, px, py, pz.
    exponent
        p.

    Returns
    -------
    [n_environments, n, n] or, for "sp", [n_environments, 4 n, 4 n]
    """
    squared = torch.square(points).sum(-1)
    damping = torch.clamp(1.0 - squared / cutoff**2, min=0.0) ** exponent
    # (2 a b / (a^2 + b^2))^1.5 e^(-d^2 / 2 (a^2 + b^2)); factor is the part of one atom.
    factor = damping * (2.0 * torch.square(widths)) ** 0.75
    variance = torch.square(widths)
    inverse = torch.reciprocal(variance[:, :, None] + variance[:, None, :])
    # One axis at a time: [n, n, 3] would be the largest array.
    differences = [points[:, :, None, axis] - points[:, None, :, axis] for axis in range(3)]
    if points.requires_grad:
        square = sum(torch.square(difference) for difference in differences)
        overlap = torch.exp(-0.5 * square * inverse) * (inverse * torch.sqrt(inverse))
        overlap = overlap * factor[:, :, None] * factor[:, None, :]
    else:  # the same in place, because memory takes most of the time
        overlap = torch.zeros_like(inverse)
        for difference in differences:
            overlap.addcmul_(difference, difference, value=-0.5)
        overlap.mul_(inverse).exp_().mul_(inverse).mul_(torch.sqrt(inverse))
        overlap.mul_(factor[:, :, None]).mul_(factor[:, None, :])
    if orbitals == "s":
        return overlap
    return _with_p(overlap, torch.stack(differences, dim=-1), inverse, widths)


def moving_cutoffs(
    points: Tensor, distances: Tensor, cutoffs: Tensor, rim: float
) -> Tensor:
    """Let the cutoffs of environments follow the atoms at which they end.

    Parameters
    ----------
    points : [n_environments, n, 3]
        As for `overlap_matrices`, with those atoms.
    distances : [n_environments, n]
        Of the points from the center, in double precision. Å.
    cutoffs : [n_environments, 1]
        Å.
    rim
        Relative width of the shell of those atoms.

    Returns
    -------
    [n_environments, 1]
        With the average of the derivatives of their distances.
    """
    share = (distances > cutoffs * (1.0 - rim)).to(points.dtype)
    share = share / share.sum(-1, keepdim=True).clamp(min=1.0)
    length = (share * torch.linalg.vector_norm(points, dim=-1)).sum(-1, keepdim=True)
    moved: Tensor = cutoffs.to(points.dtype) + (length - length.detach())
    return moved


def _with_p(overlap: Tensor, difference: Tensor, inverse: Tensor, widths: Tensor) -> Tensor:
    """Extend s overlaps to s and p: gradients for s-p, second derivatives for p-p."""
    n_environments, n = widths.shape
    blocks = overlap.new_empty(n_environments, n, 4, n, 4)
    # Derivative of log S by the position of the first atom; minus that of the second.
    slope = -difference * inverse[..., None]
    first = 2**0.5 * widths[:, :, None, None]
    second = 2**0.5 * widths[:, None, :, None]
    # Mixed second derivative of S divided by S; in place to save memory.
    curvature = (slope[..., :, None] * slope[..., None, :]).neg_()
    curvature.diagonal(dim1=-2, dim2=-1).add_(inverse[..., None])
    s = overlap[..., None]
    blocks[:, :, 0, :, 0] = overlap
    blocks[:, :, 1:, :, 0] = (first * slope * s).transpose(2, 3)
    blocks[:, :, 0, :, 1:] = -second * slope * s
    pp = (first * second * s)[..., None] * curvature
    blocks[:, :, 1:, :, 1:] = pp.permute(0, 1, 3, 2, 4)
    return blocks.reshape(n_environments, 4 * n, 4 * n)


def eigenvalues(matrices: Tensor) -> Tensor:
    """Compute eigenvalues, largest first, with a gradient that keeps symmetry.

    Parameters
    ----------
    matrices : [n_environments, n, n]
        Symmetric; the lower triangle is read.

    Returns
    -------
    [n_environments, n]
    """
    if torch.is_grad_enabled() and matrices.requires_grad:
        values: Tensor = _Eigenvalues.apply(matrices)
    elif matrices.device.type == "cpu":
        values = torch.from_numpy(symmetric_eigenvalues(matrices.detach().numpy()))
    else:
        # Single precision is not enough there: cuSOLVER's Jacobi rotations gave relative
        # errors of 1e-4 for matrices of 200 rows. CUDA loads its linear algebra at the
        # first call, which two threads may not make at the same time.
        with _one_at_a_time:
            exact = torch.linalg.eigvalsh(matrices.double())
        values = exact.flip(-1).to(matrices.dtype)
    return values


class _Eigenvalues(torch.autograd.Function):
    r"""$d\lambda = v^T\, dM\, v$, averaged over each degenerate set.

    The eigenvectors of a degenerate set, and so the single derivatives, are arbitrary. The
    average of the derivatives is not.
    """

    @staticmethod
    def forward(ctx: Any, matrices: Tensor) -> Tensor:
        if matrices.device.type == "cpu":
            values, vectors = torch.linalg.eigh(matrices)
        else:  # as in `eigenvalues`
            with _one_at_a_time:
                exact, exact_vectors = torch.linalg.eigh(matrices.double())
            values, vectors = exact.to(matrices.dtype), exact_vectors.to(matrices.dtype)
        ctx.save_for_backward(values, vectors)
        descending: Tensor = values.flip(-1)
        return descending

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        values, vectors = ctx.saved_tensors
        gradient = _average_degenerate(gradients[0].flip(-1), values)
        by_matrix: Tensor = (vectors * gradient[:, None, :]) @ vectors.mT
        return by_matrix


def _average_degenerate(gradient: Tensor, values: Tensor) -> Tensor:
    gap = DEGENERATE[values.dtype] * values[:, -1:].abs()
    starts = torch.zeros_like(values, dtype=torch.long)
    starts[:, 1:] = (values[:, 1:] - values[:, :-1] > gap).long()
    member = starts.cumsum(-1)
    zeros = torch.zeros_like(values)
    total = zeros.scatter_add(-1, member, gradient)
    count = zeros.scatter_add(-1, member, torch.ones_like(values))
    return (total / count.clamp(min=1.0)).gather(-1, member)
