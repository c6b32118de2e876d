"""Kernels of the networks that are written by hand, against the same steps in torch."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from ase_orbital.models import OCrystalNet
from ase_orbital.models.kernels.maximum import maximum_over_edges
from ase_orbital.models.kernels.mish import mish
from ase_orbital.models.kernels.normalization import WeightedBatchNorm

from .timing import Work, rates

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor

    from .sets import Sets
    from .table import Row

N_ROWS, N_COLUMNS = 8192, 256  # messages of a batch in training
EQUAL = 1e-4  # for values and gradients of the order of 1, and sums of 8192 of them


def activations(_: Sets, repetitions: int) -> Iterator[Row]:
    """Mish and its gradient."""
    values = normal(N_ROWS, N_COLUMNS)
    yield row("Mish", mish, functional.mish, values, repetitions)


def maxima(sets: Sets, repetitions: int) -> Iterator[Row]:
    """Maximum over the edges into each atom, and its gradient."""
    graph = OCrystalNet(n_hidden=8).batch(sets["C"])
    index = graph.target[:, None].expand(-1, N_COLUMNS)

    def scattered(values: Tensor) -> Tensor:
        largest = values.new_zeros(len(graph.numbers), N_COLUMNS)
        return largest.scatter_reduce(0, index, values, "amax", include_self=False)

    ours = partial(maximum_over_edges, graph=graph)
    yield row(
        "maximum over edges", ours, scattered, normal(len(index), N_COLUMNS), repetitions
    )


def normalizations(_: Sets, repetitions: int) -> Iterator[Row]:
    """Weighted batch normalization in training, and its gradient."""
    norm = WeightedBatchNorm(N_COLUMNS)
    weight = normal(N_ROWS).abs()

    def by_autograd(values: Tensor) -> Tensor:
        share = weight / weight.sum()
        centered = values - share @ values
        variance = share @ centered.square()
        return centered * torch.rsqrt(variance + norm.eps) * norm.weight + norm.bias

    ours = partial(norm, weight=weight)
    values = normal(N_ROWS, N_COLUMNS)
    yield row("weighted batch norm", ours, by_autograd, values, repetitions)


def row(
    what: str,
    ours: Callable[[Tensor], Tensor],
    theirs: Callable[[Tensor], Tensor],
    values: Tensor,
    repetitions: int,
) -> Row:
    """Compare values and gradients of two functions, and then their times."""
    gradient = ours(values).detach().cos()  # any that is not constant
    for mine, other in zip(
        passes(ours, values, gradient), passes(theirs, values, gradient), strict=True
    ):
        torch.testing.assert_close(mine, other, rtol=EQUAL, atol=EQUAL)
    return rates(
        f"{what}, forward and backward, against torch",
        f"{len(values):,} x {N_COLUMNS}",
        "10⁶/s",
        Work(partial(passes, ours, values, gradient), 1e-6 * values.numel()),
        Work(partial(passes, theirs, values, gradient), 1e-6 * values.numel()),
        repetitions=repetitions,
    )


def passes(
    function: Callable[[Tensor], Tensor], values: Tensor, gradient: Tensor
) -> tuple[Tensor, Tensor]:
    """Run forward and backward, and return the output and the gradient of the values."""
    leaf = values.detach().requires_grad_()
    output = function(leaf)
    (found,) = torch.autograd.grad(output, leaf, gradient)
    return output.detach(), found


def normal(*shape: int) -> Tensor:
    """Draw normal numbers, the same in every run."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))
