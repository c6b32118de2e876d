"""Maximum of the values on the edges into each atom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ase_orbital.models.kernels.dispatch import each_slice, in_loops
from ase_orbital.numerics.jit import uncompiled, vectorized

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from torch import Tensor

    from ase_orbital.graphs.crystal_graph import CrystalGraph

    Floats = NDArray[np.floating]
    Integers = NDArray[np.int64]

WORTH_A_THREAD = 1 << 17  # numbers, about 30 µs of work


def maximum_over_edges(values: Tensor, graph: CrystalGraph) -> Tensor:
    """Return the maximum of [n_edges, n] over the edges into each atom, [n_atoms, n].

    Edges are sorted by target. The maximum is zero for atoms without edges. In a crystal
    many edges share the maximum, and its gradient is divided among them. Values that do
    not have one row per edge raise a ValueError.
    """
    if len(values) != len(graph.target):
        raise ValueError(
            f"{len(values)} rows of values for {len(graph.target)} edges; every edge of "
            "the graph needs one"
        )
    largest: Tensor = _Maximum.apply(values, graph.target, graph.degree)
    return largest


class _Maximum(torch.autograd.Function):
    """Compiled loops on a CPU, which take a tenth of the time of torch's operations.

    The operations are for other devices and for second derivatives. Autograd cannot
    differentiate segment_reduce: in torch 2.13 its gradient is wrong where more than two
    values share the maximum.
    """

    @staticmethod
    def forward(ctx: Any, values: Tensor, target: Tensor, degree: Tensor) -> Tensor:
        if in_loops(values):
            largest = values.new_empty(len(degree), values.shape[1])
            _by_columns(_take_largest, largest, values, degree)
        else:
            largest = torch.segment_reduce(values, "max", lengths=degree, axis=0)
            largest = largest.where(degree[:, None] > 0, 0.0)
        ctx.save_for_backward(values, target, degree, largest)
        return largest

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        values, target, degree, largest = ctx.saved_tensors
        if in_loops(values) and not torch.is_grad_enabled():
            shared = values.new_empty(values.shape)
            _by_columns(_share, shared, values, degree, largest, gradients[0])
            return shared, None, None
        is_largest = (values == largest[target]).to(values.dtype)
        count = torch.zeros_like(largest).index_add(0, target, is_largest)
        share = gradients[0] / count.clamp(min=1.0)
        return is_largest.mul_(share[target]), None, None


def _by_columns(loops: Callable[..., None], out: Tensor, *inputs: Tensor) -> None:
    """Fill a tensor with loops over others, in which each thread takes some columns."""
    arrays = [tensor.detach().contiguous().numpy() for tensor in (*inputs, out)]

    def fill(columns: slice) -> None:
        loops(*arrays, columns.start, columns.stop)

    each_slice(fill, out.shape[1], WORTH_A_THREAD // max(len(inputs[0]), 1))


@vectorized
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
                # NaN is kept, as in torch.
                larger = row[at] > most[at] or row[at] != row[at]
                most[at] = row[at] if larger else most[at]
        edge += degree[atom]


@uncompiled(_take_largest)
def _take_largest_with_numpy(
    values: Floats, degree: Integers, largest: Floats, start: int, stop: int
) -> None:
    for atom, end in enumerate(np.cumsum(degree)):
        rows = values[end - degree[atom] : end, start:stop]
        largest[atom, start:stop] = rows.max(axis=0) if len(rows) else 0.0


@vectorized
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
    part = np.empty(stop - start, values.dtype)
    edge = 0
    for atom in range(len(degree)):
        most, whole = largest[atom, start:stop], gradient[atom, start:stop]
        part[:] = nothing  # first the number of edges that share, then the share of each
        for at_edge in range(edge, edge + degree[atom]):
            row = values[at_edge, start:stop]
            for at in range(len(most)):
                part[at] += one if row[at] == most[at] else nothing
        for at in range(len(most)):
            part[at] = whole[at] / max(part[at], one)
        for at_edge in range(edge, edge + degree[atom]):
            row, out = values[at_edge, start:stop], shared[at_edge, start:stop]
            for at in range(len(most)):
                out[at] = part[at] if row[at] == most[at] else nothing
        edge += degree[atom]
