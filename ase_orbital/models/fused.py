"""Trained EOSNets for prediction only: all members at once, with as few steps as can be."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from ase_orbital.graphs.crystal_graph import CrystalGraph
    from ase_orbital.models.eosnet import EOSNet
    from ase_orbital.models.kernels.normalization import WeightedBatchNorm
    from ase_orbital.models.layers import GatedConvolution


AT_ONCE = 512  # edges; more fill the cache with one member
IN_CACHE = 1024  # edges whose messages a CPU makes, gates and sums before the next ones'


class FusedEOSNet(nn.Module):
    """EOSNets side by side, with batch normalization folded into the layers before it.

    Equal to the networks' `raw_output` in evaluation mode, up to rounding. For one small
    crystal most of a network's time is the starting of operations: here these are a third,
    and as many for an ensemble as for a single network.

    Parameters
    ----------
    members
        Of equal settings; copied.
    """

    def __init__(self, members: Sequence[EOSNet]) -> None:
        super().__init__()
        dtype = members[0].target_mean.dtype
        self.n_members = len(members)
        self.distance_filter = deepcopy(members[0].distance_filter)
        exact = [deepcopy(member).double() for member in members]
        basis = exact[0].distance_filter.basis
        self.embedding = _Stacked([member.embedding for member in exact], dtype)
        convolutions = zip(*(member.convolutions for member in exact), strict=True)
        self.convolutions = nn.ModuleList(
            _FusedConvolution(layers, basis, dtype) for layers in convolutions
        )
        self.readout = _Stacked([member.readout for member in exact], dtype)
        self.output = _Stacked([member.output for member in exact], dtype)

    def forward(self, graph: CrystalGraph) -> Tensor:
        """[n_members, n_graphs, 1 or n_classes]."""
        coordinates = self.distance_filter(graph.distance) @ self.distance_filter.basis
        step = self.n_members if len(graph.source) <= AT_ONCE else 1
        parts = [
            self._encode(graph, coordinates, slice(start, start + step))
            for start in range(0, self.n_members, step)
        ]
        return torch.cat(parts)

    def _encode(self, graph: CrystalGraph, coordinates: Tensor, members: slice) -> Tensor:
        nodes = self.embedding(graph.features[None], members)
        weight = graph.total_weight[:, None]
        for convolution in self.convolutions:
            nodes = convolution(nodes, coordinates, weight, graph, members)
        if graph.atom_copies is not None:
            nodes = nodes * graph.atom_copies[:, None]
        summed = nodes.new_zeros(len(nodes), graph.n_graphs, nodes.shape[2])
        summed = summed.index_add(1, graph.graph_index, nodes)
        pooled = functional.softplus(summed / graph.sizes[:, None])
        hidden = functional.softplus(self.readout(pooled, members))
        output: Tensor = self.output(hidden, members)
        return output


class _Stacked(nn.Module):
    """A linear layer of each member: [n_members, n, n_in] to [n_members, n, n_out]."""

    def __init__(self, layers: Sequence[nn.Linear], dtype: torch.dtype) -> None:
        super().__init__()
        self.weight = _fixed(torch.stack([layer.weight.T for layer in layers]), dtype)
        self.bias = _fixed(torch.stack([layer.bias[None] for layer in layers]), dtype)

    def forward(self, values: Tensor, members: slice) -> Tensor:
        """Of some members; values are theirs, or one for all."""
        weight = self.weight[members]
        return torch.baddbmm(self.bias[members], values.expand(len(weight), -1, -1), weight)


class _FusedConvolution(nn.Module):
    """A `GatedConvolution` of each member."""

    def __init__(
        self, layers: Sequence[GatedConvolution], basis: Tensor, dtype: torch.dtype
    ) -> None:
        super().__init__()
        nodes, edges, scales, shifts = [], [], [], []
        for layer in layers:
            scale, shift = _scale_and_shift(layer.edge_norm)
            center, neighbor, edge = layer.linear.weight.split(layer.widths, dim=1)
            bias = layer.linear.bias * scale + shift
            joint = nn.Linear(center.shape[1], 2 * len(center), dtype=torch.float64)
            joint.weight = _fixed(torch.cat([center, neighbor]) * scale.repeat(2)[:, None])
            joint.bias = _fixed(torch.cat([bias, torch.zeros_like(bias)]))
            nodes.append(joint)
            edges.append((edge @ basis * scale[:, None]).T)
            scale, shift = _scale_and_shift(layer.node_norm)
            scales.append(scale[None])
            shifts.append(shift[None])
        self.nodes = _Stacked(nodes, dtype)
        self.edges = _fixed(torch.stack(edges), dtype)
        self.scale = _fixed(torch.stack(scales), dtype)
        self.shift = _fixed(torch.stack(shifts), dtype)

    def forward(
        self,
        nodes: Tensor,
        coordinates: Tensor,
        weight: Tensor,
        graph: CrystalGraph,
        members: slice,
    ) -> Tensor:
        """Update the nodes of some members, [n_members, n_atoms, n_hidden]."""
        center, neighbor = self.nodes(nodes, members).chunk(2, dim=2)
        summed, edges = torch.zeros_like(nodes), self.edges[members]
        n_edges = len(graph.target)
        step = IN_CACHE if nodes.device.type == "cpu" else max(n_edges, 1)
        for start in range(0, n_edges, step):
            part = slice(start, start + step)
            target, along = graph.target[part], coordinates[part]
            z = center.index_select(1, target)
            z += neighbor.index_select(1, graph.source[part])
            z.baddbmm_(along.expand(len(edges), -1, -1), edges)
            gate, core = z.chunk(2, dim=2)
            message = functional.softplus(core) * torch.sigmoid(gate) * weight[part]
            summed.index_add_(1, target, message)
        moved = torch.addcmul(self.shift[members], summed, self.scale[members])
        return functional.softplus(moved.add_(nodes))


def _scale_and_shift(norm: WeightedBatchNorm) -> tuple[Tensor, Tensor]:
    """What a batch norm does in evaluation mode: scale x + shift."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    scale = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
    return scale, norm.bias - norm.running_mean * scale


def _fixed(values: Tensor, dtype: torch.dtype | None = None) -> nn.Parameter:
    return nn.Parameter(values.detach().to(dtype).contiguous(), requires_grad=False)
