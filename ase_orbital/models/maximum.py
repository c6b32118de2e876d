"""Largest values over the edges into each atom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ase_orbital.compiled import over_lanes
from ase_orbital.threads import each_slice

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from torch import Tensor

    from ase_orbital.graphs.crystal_graph import CrystalGraph

    Floats = NDArray[np.floating]
    Integers = NDArray[np.int64]

WORTH_A_THREAD = 1 << 17  # numbers, some 30 µs


def maximum_over_edges(values: Tensor, graph: CrystalGraph) -> Tensor:
    """Elementwise maximum of [n_edges, n] over the edges into each atom, [n_atoms, n].

    Zero where no edge arrives. In a crystal many edges share the maximum: its gradient is
    divided among them.
    """
    largest: Tensor = _Maximum.apply(values, graph.target, graph.degree)
    return largest


class _Maximum(torch.autograd.Function):
    """Not by autograd through segment_reduce.

    In torch 2.13 its gradient is wrong where more than two values share the maximum. On a
    CPU compiled loops take a tenth of the time of torch's steps.
    """

    @staticmethod
    def forward(ctx: Any, values: Tensor, target: Tensor, degree: Tensor) -> Tensor:
        if _by_loops(values):
            largest = values.new_empty(len(degree), values.shape[1])
            _by_columns(_take_largest, values, degree, largest)
        else:
            largest = torch.segment_reduce(values, "max", lengths=degree, axis=0)
            largest = largest.where(degree[:, None] > 0, 0.0)
        ctx.save_for_backward(values, target, degree, largest)
        return largest

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        values, target, degree, largest = ctx.saved_tensors
        if _by_loops(values) and not torch.is_grad_enabled():
            shared = torch.empty_like(values)
            _by_columns(_share, values, degree, largest, gradients[0].contiguous(), shared)
            return shared, None, None
        holds = (values == largest[target]).to(values.dtype)
        holders = torch.zeros_like(largest).index_add(0, target, holds)
        share = gradients[0] / holders.clamp(min=1.0)
        return holds * share[target], None, None


def _by_loops(values: Tensor) -> bool:
    known = values.dtype in (torch.float32, torch.float64)
    return values.device.type == "cpu" and known and not torch.compiler.is_compiling()


def _by_columns(loops: Callable[..., None], values: Tensor, *others: Tensor) -> None:
    """Run loops over arrays, some columns in each thread."""
    arrays = [array.detach().contiguous().numpy() for array in (values, *others)]
    least = WORTH_A_THREAD // max(len(values), 1)
    each_slice(
        lambda columns: loops(*arrays, columns.start, columns.stop), values.shape[1], least
    )


@over_lanes
def _take_largest(
    values: Floats, degree: Integers, largest: Floats, start: int, stop: int
) -> None:
    edge = 0
    for atom in range(len(degree)):
        most = largest[atom, start:stop]
        most[:] = -np.inf if degree[atom] > 0 else 0.0
        for at_edge in range(edge, edge + degree[atom]):
            row = values[at_edge, start:stop]
            for at in range(len(most)):
                most[at] = max(most[at], row[at])
        edge += degree[atom]


@over_lanes
def _share(
    values: Floats,
    degree: Integers,
    largest: Floats,
    gradient: Floats,
    shared: Floats,
    start: int,
    stop: int,
) -> None:
    one, nothing = values.dtype.type(1.0), values.dtype.type(0.0)
    holders = np.empty(stop - start, values.dtype)
    edge = 0
    for atom in range(len(degree)):
        most, whole = largest[atom, start:stop], gradient[atom, start:stop]
        holders[:] = nothing
        for at_edge in range(edge, edge + degree[atom]):
            row = values[at_edge, start:stop]
            for at in range(len(most)):
                holders[at] += one if row[at] == most[at] else nothing
        for at in range(len(most)):
            holders[at] = whole[at] / holders[at]
        for at_edge in range(edge, edge + degree[atom]):
            row, out = values[at_edge, start:stop], shared[at_edge, start:stop]
            for at in range(len(most)):
                out[at] = holders[at] if row[at] == most[at] else nothing
        edge += degree[atom]
