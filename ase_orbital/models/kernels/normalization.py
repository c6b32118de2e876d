"""Batch normalization of weighted samples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn

if TYPE_CHECKING:
    from torch import Tensor


class WeightedBatchNorm(nn.BatchNorm1d):
    """Batch normalization of weighted samples.

    In training, mean and variance are those of a batch that repeats every sample as often
    as its weight says; equal weights give ordinary batch normalization.
    """

    def forward(self, values: Tensor, weight: Tensor | None = None) -> Tensor:
        """Normalize [n, n_features]; weight is [n], None for all alike."""
        normalized: Tensor
        if not self.training or weight is None:
            normalized = super().forward(values)
            return normalized
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        assert self.momentum is not None
        total = weight.sum()
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
    """With its gradient in closed form: half the passes over memory of autograd's.

    Autograd goes through it twice, the transformations of torch.func do not.
    """

    @staticmethod
    def forward(
        ctx: Any, values: Tensor, share: Tensor, scale: Tensor, bias: Tensor, eps: float
    ) -> tuple[Tensor, Tensor, Tensor]:
        normalized, mean, variance, centered, inverse = _normalized(
            values, share, scale, bias, eps
        )
        ctx.eps = eps
        ctx.save_for_backward(values, share, scale, bias, centered, inverse)
        ctx.mark_non_differentiable(mean, variance)
        return normalized, mean, variance

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        values, share, scale, bias, centered, inverse = ctx.saved_tensors
        gradient = gradients[0]
        if torch.is_grad_enabled() and not torch.compiler.is_compiling():
            # The gradient wants a gradient: what was saved on the way has none.
            return *_by_autograd(gradient, (values, share, scale, bias), ctx.eps), None
        of_bias = gradient.sum(0)
        of_scale = (gradient * centered).sum(0) * inverse
        # Through mean and variance; that of the mean is simple, as deviations from it add
        # up to zero.
        of_values = torch.addcmul(-of_bias, centered, -of_scale * inverse)
        of_values = of_values.mul_(share[:, None]).add_(gradient).mul_(scale * inverse)
        of_share = None
        if ctx.needs_input_grad[1]:
            # Up to a constant, which drops out as shares add up to one.
            of_share = -(centered @ (scale * inverse * of_bias))
            of_share -= torch.square(centered) @ (0.5 * scale * inverse**2 * of_scale)
        return of_values, of_share, of_scale, of_bias, None


def _normalized(
    values: Tensor, share: Tensor, scale: Tensor, bias: Tensor, eps: float
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Values normalized, their mean and variance, values from the mean, 1 / deviation."""
    mean = share @ values
    centered = values - mean
    variance = share @ torch.square(centered)
    inverse = torch.rsqrt(variance + eps)
    normalized = torch.addcmul(bias, centered, scale * inverse)
    return normalized, mean, variance, centered, inverse


def _by_autograd(
    gradient: Tensor, inputs: tuple[Tensor, ...], eps: float
) -> list[Tensor | None]:
    # Views, since a scale may be behind the values as well, where a norm is used twice.
    values, share, scale, bias = seen = [at.view_as(at) for at in inputs]
    with torch.autocast(values.device.type, enabled=False):
        normalized = _normalized(values, share, scale, bias, eps)[0]
        asking = [at for at in seen if at.requires_grad]
        found = torch.autograd.grad(normalized, asking, gradient, create_graph=True)
    left = iter(found)
    return [next(left) if at.requires_grad else None for at in seen]
