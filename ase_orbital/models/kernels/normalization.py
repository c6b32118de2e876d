"""Batch normalization of weighted samples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn import functional

if TYPE_CHECKING:
    from torch import Tensor


class WeightedBatchNorm(nn.BatchNorm1d):
    """Batch normalization of weighted samples.

    In training, mean and variance are those of a batch in which each sample is repeated
    according to its weight; equal weights give ordinary batch normalization. A single
    sample has no variance: it is normalized as in evaluation mode.
    """

    def forward(self, values: Tensor, weight: Tensor | None = None) -> Tensor:
        """Normalize [n, n_features]; weight is [n], or None for equal weights."""
        normalized: Tensor
        if self.training and len(values) == 1:
            statistics = self.running_mean, self.running_var
            return functional.batch_norm(
                values, *statistics, self.weight, self.bias, eps=self.eps
            )
        if not self.training or weight is None:
            normalized = super().forward(values)
            return normalized
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        assert self.momentum is not None
        # Numbers of atoms are integers, which a division would make the caller's default.
        total = weight.sum().to(self.running_mean.dtype)
        share = weight.to(self.running_mean.dtype) / total
        with torch.autocast(values.device.type, enabled=False):
            normalized, mean, variance = _Normalize.apply(
                values.to(share.dtype), share, self.weight, self.bias, self.eps
            )
        with torch.no_grad():
            unbiased = variance * (total / (total - 1.0).clamp(min=1.0))
            self.num_batches_tracked += 1
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(unbiased, self.momentum)
        return normalized


class _Normalize(torch.autograd.Function):
    """Normalization with its gradient in closed form, which reads memory half as often.

    It supports second derivatives, but not torch.func.
    """

    @staticmethod
    def forward(
        ctx: Any, values: Tensor, share: Tensor, scale: Tensor, bias: Tensor, eps: float
    ) -> tuple[Tensor, Tensor, Tensor]:
        found = _normalized(values, share, scale, bias, eps)
        normalized, mean, variance, centered, inverse = found
        ctx.eps = eps
        ctx.save_for_backward(values, share, scale, bias, centered, inverse)
        ctx.mark_non_differentiable(mean, variance)
        return normalized, mean, variance

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        values, share, scale, bias, centered, inverse = ctx.saved_tensors
        gradient = gradients[0]
        if torch.is_grad_enabled() and not torch.compiler.is_compiling():
            # The gradient needs a gradient itself, and the saved tensors have none.
            return *_by_autograd(gradient, (values, share, scale, bias), ctx.eps), None
        d_bias = gradient.sum(0)
        d_scale = (gradient * centered).sum(0) * inverse
        # Through mean and variance. The part through the mean is simple, because
        # deviations from it add up to zero.
        d_values = torch.addcmul(-d_bias, centered, -d_scale * inverse)
        d_values = d_values.mul_(share[:, None]).add_(gradient).mul_(scale * inverse)
        d_share = None
        if ctx.needs_input_grad[1]:
            # Up to a constant, which drops out because shares add up to one.
            d_share = -(centered @ (scale * inverse * d_bias))
            d_share -= torch.square(centered) @ (0.5 * scale * inverse**2 * d_scale)
        return d_values, d_share, d_scale, d_bias, None


def _normalized(
    values: Tensor, share: Tensor, scale: Tensor, bias: Tensor, eps: float
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Return normalized values, mean, variance, centered values and 1 / deviation."""
    mean = share @ values
    centered = values - mean
    variance = share @ torch.square(centered)
    inverse = torch.rsqrt(variance + eps)
    normalized = torch.addcmul(bias, centered, scale * inverse)
    return normalized, mean, variance, centered, inverse


def _by_autograd(
    gradient: Tensor, inputs: tuple[Tensor, ...], eps: float
) -> list[Tensor | None]:
    # Views, because values also depend on the scale where a norm is used twice.
    values, share, scale, bias = views = [at.view_as(at) for at in inputs]
    with torch.autocast(values.device.type, enabled=False):
        normalized = _normalized(values, share, scale, bias, eps)[0]
        needed = [at for at in views if at.requires_grad]
        found = iter(torch.autograd.grad(normalized, needed, gradient, create_graph=True))
    return [next(found) if at.requires_grad else None for at in views]
