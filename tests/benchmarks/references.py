"""Reference networks, written directly from the formulas of the papers.

As in the published codes, nothing is shared between edges: each edge has its own row
[n_i, n_j, e_ij] in every matrix product, and its own message. Edges have the same weights
as in our networks, so that both are the same function. Only batch normalization in training
differs: torch's own, which is faster, ignores the weights.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional

if TYPE_CHECKING:
    from torch import Tensor

    from ase_orbital.graphs import CrystalGraph
    from ase_orbital.models import EOSNet, OCrystalNet
    from ase_orbital.models.crystal_model import CrystalModel


class Reference(nn.Module):
    """A network whose weights have the names and shapes of one of our networks."""

    def __init__(self, model: CrystalModel) -> None:
        super().__init__()
        self.centers: Tensor
        self.register_buffer("centers", model.distance_filter.centers.clone(), False)
        self.width = model.distance_filter.width
        self.mean, self.scale = float(model.target_mean), float(model.target_scale)

    def take_weights(self, model: CrystalModel) -> None:
        """Copy the weights of one of our networks."""
        theirs = model.state_dict()
        self.load_state_dict({name: theirs[name] for name in self.state_dict()})

    def expand(self, distance: Tensor) -> Tensor:
        """Expand distances in Gaussians, [n_edges, n_centers]."""
        return torch.exp(-torch.square((distance[:, None] - self.centers) / self.width))

    def average(self, nodes: Tensor, graph: CrystalGraph) -> Tensor:
        """Average over the atoms of each crystal, [n_graphs, n]."""
        summed = nodes.new_zeros(graph.n_graphs, nodes.shape[1])
        return summed.index_add(0, graph.graph_index, nodes) / graph.n_atoms[:, None]

    def scaled(self, output: Tensor) -> Tensor:
        """Scale the output of the last layer to the property, [n_graphs]."""
        return output.squeeze(1) * self.scale + self.mean


class StraightConvolution(nn.Module):
    """Gated convolution with one matrix product over [n_i, n_j, e_ij] for each edge."""

    def __init__(self, n_hidden: int, n_edge_features: int) -> None:
        super().__init__()
        self.linear = nn.Linear(2 * n_hidden + n_edge_features, 2 * n_hidden)
        self.edge_norm = nn.BatchNorm1d(2 * n_hidden)
        self.node_norm = nn.BatchNorm1d(n_hidden)

    def forward(self, nodes: Tensor, edges: Tensor, graph: CrystalGraph) -> Tensor:
        """Update [n_atoms, n_hidden] nodes."""
        joined = torch.cat([nodes[graph.target], nodes[graph.source], edges], dim=1)
        gate, core = self.edge_norm(self.linear(joined)).chunk(2, dim=1)
        message = torch.sigmoid(gate) * functional.softplus(core)
        message = message * graph.weight[:, None]
        summed = torch.zeros_like(nodes).index_add(0, graph.target, message)
        return functional.softplus(nodes + self.node_norm(summed))


class StraightEOSNet(Reference):
    """EOSNet, edge by edge."""

    def __init__(self, model: EOSNet) -> None:
        super().__init__(model)
        n_hidden = model.embedding.out_features
        self.embedding = nn.Linear(model.n_features, n_hidden)
        self.convolutions = nn.ModuleList(
            StraightConvolution(n_hidden, len(self.centers)) for _ in model.convolutions
        )
        self.readout = nn.Linear(n_hidden, model.readout.out_features)
        self.output = nn.Linear(model.readout.out_features, 1)
        self.take_weights(model)

    def forward(self, graph: CrystalGraph) -> Tensor:
        """Predict the property of each crystal, [n_graphs]."""
        edges = self.expand(graph.distance)
        nodes = self.embedding(graph.features)
        for convolution in self.convolutions:
            nodes = convolution(nodes, edges, graph)
        pooled = functional.softplus(self.average(nodes, graph))
        return self.scaled(self.output(functional.softplus(self.readout(pooled))))


class StraightOCrystalNet(Reference):
    """OCrystalNet with a message for each directed edge."""

    def __init__(self, model: OCrystalNet) -> None:
        super().__init__(model)
        n_hidden = model.atom_input.out_features
        self.atom_input = nn.Linear(model.n_features, n_hidden, bias=False)
        self.edge_input = nn.Linear(len(self.centers), n_hidden, bias=False)
        self.edge_update = nn.ModuleList(
            nn.Linear(n_hidden, n_hidden, bias=False) for _ in model.edge_update
        )
        self.communicate = nn.Linear(3 * n_hidden, n_hidden, bias=False)
        self.atom_output = nn.Linear(n_hidden, n_hidden)
        self.readout = nn.Linear(n_hidden, n_hidden)
        self.output = nn.Linear(n_hidden, 1)
        self.floor = model.booster.FLOOR
        self.take_weights(model)

    def forward(self, graph: CrystalGraph) -> Tensor:
        """Predict the property of each crystal, [n_graphs]."""
        incoming = incoming_edges(graph)
        initial = functional.mish(self.atom_input(graph.features))
        initial_messages = functional.mish(self.edge_input(self.expand(graph.distance)))
        atoms, messages = initial, initial_messages
        for update in self.edge_update:
            atoms = atoms + self.boosted(messages, incoming, graph)
            carried = atoms[graph.source] - messages[graph.reverse]
            messages = functional.mish(initial_messages + update(carried))
        boosted = self.boosted(messages, incoming, graph)
        gathered = self.communicate(torch.cat([boosted, atoms, initial], dim=1))
        atoms = functional.mish(self.atom_output(gathered))
        hidden = functional.mish(self.readout(self.average(atoms, graph)))
        return self.scaled(self.output(hidden))

    def boosted(self, messages: Tensor, incoming: Tensor, graph: CrystalGraph) -> Tensor:
        """Multiply the sum over the edges into each atom by their maximum."""
        weight = graph.weight[:, None]
        raised = self.floor + weight.clamp(max=1.0) * (messages - self.floor)
        # An additional row for atoms with fewer edges.
        nothing = messages.new_zeros(1, messages.shape[1])
        lowest = torch.full_like(nothing, -torch.inf)
        summed = torch.cat([weight * messages, nothing])[incoming].sum(1)
        return summed * torch.cat([raised, lowest])[incoming].amax(1)


def incoming_edges(graph: CrystalGraph) -> Tensor:
    """Return the edges into each atom, padded with the number of edges to [n_atoms, n]."""
    degree = graph.degree
    n_edges = len(graph.target)
    place = torch.arange(n_edges) - (degree.cumsum(0) - degree)[graph.target]
    incoming = torch.full((len(degree), int(degree.max())), n_edges)
    incoming[graph.target, place] = torch.arange(n_edges)
    return incoming
