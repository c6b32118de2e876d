"""OCrystalNet: orbital field matrices in a communicative message passing network.

Source: X. Yang, Leveraging Orbital Information and Atomic Feature in Deep Learning Model
(Orbital CrystalNet); the network is that of Song et al., IJCAI 2020,
doi:10.24963/ijcai.2020/392.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from ase_orbital.descriptors.concatenate import Concatenate
from ase_orbital.descriptors.elemental import ElementalFeatures
from ase_orbital.descriptors.ofm import OFM
from ase_orbital.graphs.connectivity import Connectivity
from ase_orbital.models.kernels.mish import mish
from ase_orbital.models.layers import (
    Booster,
    DistanceFilter,
    in_full_precision,
    mean_over_atoms,
    without_empty_columns,
)
from ase_orbital.models.network import Network, arguments

if TYPE_CHECKING:
    from torch import Tensor

    from ase_orbital.descriptors.base import Descriptor
    from ase_orbital.graphs.crystal_graph import CrystalGraph


class OCrystalNet(Network):
    """Messages on directed edges between atoms with OFM and elemental features.

    The defaults are those of the paper, except that neighbors are weighted smoothly. Only
    the last layers have a bias. Atoms without neighbors receive no message, so a crystal
    has the same prediction in any batch. The distance filter and the last message passing
    step are those of the authors' code, not of equation 4 and the text of the paper: the
    filter is `exp(-(d - mu)^2 / s^2)` with s = 0.5 Å, and a linear layer without a
    recurrent unit joins the last messages with the features of the atoms.

    Parameters
    ----------
    descriptor
        Computes the features of the atoms: a Descriptor, or its settings. None for the 1494
        features of the paper: OFM with its center column (1056) and elemental features
        (438).
    n_hidden
        Width of atom and edge features.
    n_layers
        Number of message passing steps; messages are updated one time fewer.
    dropout
        Dropout probability after each activation of the edges.
    radius, n_neighbors, smoothing
        Neighbors of an atom, before every edge is given its reverse; see `Connectivity`.
    **target
        Property and scale of the target, and known elements; see `CrystalModel`.
    """

    def __init__(
        self,
        descriptor: Descriptor | dict[str, Any] | None = None,
        *,
        n_hidden: int = 512,
        n_layers: int = 2,
        dropout: float = 0.0,
        radius: float = 5.0,
        n_neighbors: int = 8,
        smoothing: float | None = 0.1,
        **target: Any,
    ) -> None:
        hyperparameters = arguments(locals())
        if descriptor is None:
            descriptor = Concatenate(OFM(), ElementalFeatures())
        super().__init__(
            descriptor,
            Connectivity(
                radius=radius, n_neighbors=n_neighbors, smoothing=smoothing, symmetric=True
            ),
            **target,
        )
        self.hyperparameters = hyperparameters
        self.distance_filter = DistanceFilter(start=0.0, stop=radius, step=0.1, width=0.5)
        self.atom_input = nn.Linear(self.n_features, n_hidden, bias=False)
        self.edge_input = nn.Linear(self.distance_filter.n_features, n_hidden, bias=False)
        self.edge_update = nn.ModuleList(
            nn.Linear(n_hidden, n_hidden, bias=False) for _ in range(n_layers - 1)
        )
        self.booster = Booster()
        self.dropout = nn.Dropout(dropout)
        self.communicate = nn.Linear(3 * n_hidden, n_hidden, bias=False)
        self.atom_output = nn.Linear(n_hidden, n_hidden)
        self.readout = nn.Linear(n_hidden, n_hidden)
        self.output = nn.Linear(n_hidden, self.n_classes or 1)

    @property
    def input_layer(self) -> nn.Linear:
        """See `Network.input_layer`."""
        return self.atom_input

    def layer_outputs(self, graph: CrystalGraph) -> dict[str, Tensor]:
        """See `Network.layer_outputs`."""
        reverse = graph.reverse  # raises if there is none, for any number of layers
        if self.training:
            atoms = initial = mish(without_empty_columns(self.atom_input, graph.features))
        else:  # for few atoms, selecting columns takes as long as the product
            atoms = initial = mish(self.atom_input(graph.features))
        distances, edge_distance = _distinct_distances(graph.distance)
        filtered = self.distance_filter(distances)
        initial_messages = mish(self.edge_input(filtered))
        messages = initial_messages.index_select(0, edge_distance)
        features = {"edge_attr": filtered[edge_distance], "embedding": initial}
        for index, update in enumerate(self.edge_update, start=1):
            atoms = atoms + self.booster(messages, graph)
            # W (m - h) = W m - W h: the first product is per atom. An edge and its reverse
            # have the same distance, so in step 1 the second product is per distance.
            if index == 1:
                changed = initial_messages - update(initial_messages)
                changed = changed.index_select(0, edge_distance)
            else:
                carried = update(messages).index_select(0, reverse)
                changed = initial_messages.index_select(0, edge_distance) - carried
            messages = mish(changed + update(atoms).index_select(0, graph.source))
            messages = self.dropout(messages)
            features[f"gc_{index}"] = atoms
        gathered = torch.cat([self.booster(messages, graph), atoms, initial], dim=1)
        atoms = mish(self.atom_output(self.communicate(gathered)))
        features["atoms"] = atoms
        features["readout"] = mean_over_atoms(atoms, graph)
        hidden = mish(self.readout(features["readout"]))
        features["output"] = in_full_precision(self.output, hidden)
        return features


def _distinct_distances(distance: Tensor) -> tuple[Tensor, Tensor]:
    """Find the distinct distances, and the index of the distance of each edge.

    Initial messages are functions of the distance, and a crystal has few different
    distances: the layers for these messages run once per distance.
    """
    if distance.requires_grad:  # merging edges would lose their gradients
        return distance, torch.arange(len(distance), device=distance.device)
    distances, index = torch.unique(distance, return_inverse=True)
    return distances, index
