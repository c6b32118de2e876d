"""Trained EOSNets rearranged for fast prediction."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import torch
from torch import nn
from torch.nn import functional

from ase_orbital.models.ensemble import Ensemble
from ase_orbital.models.eosnet import EOSNet
from ase_orbital.models.featurization import check_features
from ase_orbital.models.layers import mean_over_atoms
from ase_orbital.models.outputs import NetworkOutputs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from ase_orbital.graphs.crystal_graph import CrystalGraph
    from ase_orbital.models.crystal_model import CrystalModel
    from ase_orbital.models.kernels.normalization import WeightedBatchNorm
    from ase_orbital.models.layers import GatedConvolution


AT_ONCE = 512  # edges up to which all networks run together; more exceed the cache
IN_CACHE = 1024  # edges whose messages are computed together on a CPU


def fuse(model: CrystalModel) -> CrystalModel | FusedEOSNet:
    """Fuse EOSNets, or return other models as they are; the `outputs` stay the same.

    The weights are copied, so later changes to the model have no effect.
    """
    networks = model.networks if isinstance(model, Ensemble) else [model]
    if all(isinstance(network, EOSNet) for network in networks):
        return FusedEOSNet(cast("list[EOSNet]", networks))
    return model


class FusedEOSNet(nn.Module):
    """Several trained EOSNets, with batch normalization folded into the layers before it.

    The networks have the same settings. Outputs equal those in evaluation mode, up to
    rounding. For one small crystal, a network spends most of its time starting operations;
    this needs a third as many, for an ensemble as for a single network.
    """

    def __init__(self, networks: Sequence[EOSNet]) -> None:
        super().__init__()
        first, self.n_networks = networks[0], len(networks)
        self.n_features, self.n_classes = first.n_features, first.n_classes
        self.distance_filter, dtype = first.distance_filter, first.target_mean.dtype
        self.readout_per_atom = first.readout_per_atom
        self.target_mean = _fixed(torch.stack([each.target_mean for each in networks]))
        self.target_scale = _fixed(torch.stack([each.target_scale for each in networks]))
        basis = self.distance_filter.basis.double()
        convolutions = zip(*(network.convolutions for network in networks), strict=True)
        self.embedding = _Stacked([_layer(each.embedding) for each in networks], dtype)
        self.convolutions = nn.ModuleList(
            _FusedConvolution(layers, basis, dtype) for layers in convolutions
        )
        self.readout = _Stacked([_layer(each.readout) for each in networks], dtype)
        self.output = _Stacked([_layer(each.output) for each in networks], dtype)

    def outputs(self, graph: CrystalGraph) -> NetworkOutputs:
        """See `CrystalModel.outputs`."""
        check_features(graph.features, self.n_features)
        coordinates = self.distance_filter(graph.distance) @ self.distance_filter.basis
        step = self.n_networks if len(graph.source) <= AT_ONCE else 1
        runs = [
            self._run(graph, coordinates, slice(start, start + step))
            for start in range(0, self.n_networks, step)
        ]
        target = torch.cat([run.target for run in runs])
        return NetworkOutputs(target, runs[0].stages, graph)

    def _run(
        self, graph: CrystalGraph, coordinates: Tensor, networks: slice
    ) -> NetworkOutputs:
        """Run some networks."""
        nodes = self.embedding(graph.features[None], networks)
        stages = [nodes[0]]
        weight = graph.total_weight[:, None]
        for convolution in self.convolutions:
            nodes = convolution(nodes, coordinates, weight, graph, networks)
            stages.append(nodes[0])
        pooled = nodes if self.readout_per_atom else mean_over_atoms(nodes, graph)
        hidden = functional.softplus(self.readout(functional.softplus(pooled), networks))
        if self.readout_per_atom:
            hidden = mean_over_atoms(hidden, graph)
        output: Tensor = self.output(hidden, networks)
        if self.n_classes is not None:
            output = torch.log_softmax(output, dim=2)
            return NetworkOutputs(output, stages, graph)
        output = output.squeeze(2) * self.target_scale[networks, None]
        output = output + self.target_mean[networks, None]
        return NetworkOutputs(output, stages, graph)


class _Stacked(nn.Module):
    """One linear layer per network: [n_networks, n, n_in] to [n_networks, n, n_out]."""

    def __init__(self, layers: Sequence[tuple[Tensor, Tensor]], dtype: torch.dtype) -> None:
        super().__init__()
        self.weight = _fixed(torch.stack([weight.T for weight, _ in layers]), dtype)
        self.bias = _fixed(torch.stack([bias[None] for _, bias in layers]), dtype)

    def forward(self, values: Tensor, networks: slice) -> Tensor:
        """Apply the layers of some networks to their own values, or to shared ones."""
        weight, bias = self.weight[networks], self.bias[networks]
        return torch.baddbmm(bias, values.expand(len(weight), -1, -1), weight)


class _FusedConvolution(nn.Module):
    """One `GatedConvolution` per network."""

    def __init__(
        self, layers: Sequence[GatedConvolution], basis: Tensor, dtype: torch.dtype
    ) -> None:
        super().__init__()
        nodes, edges, scales, shifts = [], [], [], []
        for layer in layers:
            scale, shift = _scale_and_shift(layer.edge_norm)
            weight, bias = _layer(layer.linear)
            center, neighbor, edge = weight.split(layer.widths, dim=1)
            bias = bias * scale + shift
            joint = torch.cat([center, neighbor]) * scale.repeat(2)[:, None]
            nodes.append((joint, torch.cat([bias, torch.zeros_like(bias)])))
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
        networks: slice,
    ) -> Tensor:
        """Update the nodes of some networks, [n_networks, n_atoms, n_hidden]."""
        center, neighbor = self.nodes(nodes, networks).chunk(2, dim=2)
        summed, edges, n_edges = torch.zeros_like(nodes), self.edges[networks], len(weight)
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
        moved = torch.addcmul(self.shift[networks], summed, self.scale[networks])
        return functional.softplus(moved.add_(nodes))


def _scale_and_shift(norm: WeightedBatchNorm) -> tuple[Tensor, Tensor]:
    """Write a batch normalization in evaluation mode as x scale + shift."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    scale = norm.weight.double() * torch.rsqrt(norm.running_var.double() + norm.eps)
    return scale, norm.bias.double() - norm.running_mean.double() * scale


def _layer(layer: nn.Linear) -> tuple[Tensor, Tensor]:
    """Weight and bias of a layer in double precision."""
    return layer.weight.double(), layer.bias.double()


def _fixed(values: Tensor, dtype: torch.dtype | None = None) -> nn.Parameter:
    return nn.Parameter(values.detach().to(dtype).contiguous(), requires_grad=False)
