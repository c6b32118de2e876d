"""Mish: on a CPU, one exponential per number gives both value and derivative."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn import functional

from ase_orbital.models.kernels.dispatch import each_slice, in_loops
from ase_orbital.numerics.exponential import exp_in_place
from ase_orbital.numerics.jit import uncompiled, vectorized

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

AT_ONCE = 2048  # numbers that stay in the cache between the loops over them
LARGEST = 40.0  # larger exponents would not change the result
WORTH_A_THREAD = 1 << 15  # numbers, about 30 µs of work


def mish(values: Tensor) -> Tensor:
    r"""Apply Mish, $x \tanh(\log(1 + e^x))$, to values of any shape.

    Torch computes three transcendental functions per number, and three more for the
    derivative, which takes a seventh of an epoch of OCrystalNet. Here Mish is $x f$ with
    $f = n / (n + 2)$ and $n = e^x (e^x + 2)$. It supports second derivatives, but not
    torch.func.

    Source: D. Misra, BMVC 2020, arXiv:1908.08681.
    """
    if not in_loops(values):
        return functional.mish(values)
    activated: Tensor = _Mish.apply(values)
    return activated


class _Mish(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        activated, slopes = (values.new_empty(values.shape) for _ in range(2))
        numbers = values.detach().flatten().numpy()
        out, out_slopes = (at.view(-1).numpy() for at in (activated, slopes))

        def activate(part: slice) -> None:
            _activate(numbers[part], out[part], out_slopes[part])

        each_slice(activate, len(numbers), WORTH_A_THREAD)
        ctx.save_for_backward(values, slopes)
        return activated

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        values, slopes = ctx.saved_tensors
        if torch.is_grad_enabled():  # the slopes need a gradient themselves
            total = functional.mish(values).sum()
            (slopes,) = torch.autograd.grad(total, values, create_graph=True)
        scaled: Tensor = gradients[0] * slopes
        return scaled


@vectorized
def _activate(
    values: NDArray[np.floating],
    activated: NDArray[np.floating],
    slopes: NDArray[np.floating],
) -> None:
    buffer = np.empty(AT_ONCE)
    for start in range(0, len(values), AT_ONCE):
        part = values[start : start + AT_ONCE]
        out, slope = activated[start : start + AT_ONCE], slopes[start : start + AT_ONCE]
        powers = buffer[: len(part)]
        for at in range(len(part)):
            powers[at] = min(np.float64(part[at]), LARGEST)
        exp_in_place(powers)
        for at in range(len(part)):
            x, power = np.float64(part[at]), powers[at]
            n = power * (power + 2.0)
            inverse = 1.0 / (n + 2.0)
            factor = n * inverse
            change = 4.0 * power * (power + 1.0) * inverse * inverse
            out[at] = x * factor
            slope[at] = factor + min(x, LARGEST) * change


@uncompiled(_activate)
def _activate_with_numpy(
    values: NDArray[np.floating],
    activated: NDArray[np.floating],
    slopes: NDArray[np.floating],
) -> None:
    x = values.astype(np.float64)
    capped = np.minimum(x, LARGEST)
    power = np.exp(capped)
    inverse = 1.0 / (power * (power + 2.0) + 2.0)
    factor = power * (power + 2.0) * inverse
    activated[:] = x * factor
    slopes[:] = factor + capped * (4.0 * power * (power + 1.0) * inverse * inverse)
