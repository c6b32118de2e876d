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
from ase_orbital.models.crystal_model import CrystalModel, check_features
from ase_orbital.models.kernels.mish import mish
from ase_orbital.models.layers import (
    Booster,
    DistanceFilter,
    in_full_precision,
    mean_over_atoms,
    without_empty_columns,
)

if TYPE_CHECKING:
    from torch import Tensor

    from ase_orbital.descriptors.base import Descriptor
    from ase_orbital.graphs.crystal_graph import CrystalGraph
    from ase_orbital.models.crystal_model import Transform


class OCrystalNet(CrystalModel):
    """Messages on directed edges over rows of OFM and elemental features.

    Defaults are the paper's, apart from neighbors being counted by occupation. No bias
    except in the last layers. Atoms without neighbors get no message, and the maximum over
    edges sees only the edges there are: a batch equals its members.

    Parameters
    ----------
    descriptor
        Gives the rows of the atoms: a Descriptor, or its settings. None for the paper's
        1494 numbers: OFM with its center column, and elemental features.
    n_hidden
        Width of atom and edge features.
    n_layers
        Depth; messages are updated one time fewer.
    dropout
        After each activation of the edges.
    radius
        Of the neighbor search. Å.
    n_neighbors
        Neighbors of each atom, before every edge is given its reverse.
    smoothing
        Width of the transition in the occupation of neighbors (Å); None for exactly the
        nearest, as published.
    property_name, n_classes, target_mean, target_scale, transform, elements
        As for `CrystalModel`.
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
        property_name: str | None = None,
        n_classes: int | None = None,
        target_mean: float = 0.0,
        target_scale: float = 1.0,
        transform: Transform | None = None,
        elements: list[int] | None = None,
    ) -> None:
        settings = locals()
        super().__init__(
            descriptor=paper_descriptor() if descriptor is None else descriptor,
            connectivity=Connectivity(
                radius=radius, n_neighbors=n_neighbors, smoothing=smoothing, symmetric=True
            ),
            property_name=property_name,
            n_classes=n_classes,
            target_mean=target_mean,
            target_scale=target_scale,
            transform=transform,
            elements=elements,
        )
        self._remember(settings)
        self.n_layers = n_layers
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
        self.output = nn.Linear(n_hidden, n_classes or 1)

    def raw_output(self, graph: CrystalGraph) -> Tensor:
        """Run the network as far as its output layer: [n_graphs, 1 or n_classes]."""
        check_features(graph.features, self.n_features)
        reverse = graph.reverse  # of any depth: without reverses the sums are wrong as well
        if self.training:
            entered = without_empty_columns(self.atom_input, graph.features)
        else:  # picking columns takes as long as the product with a few rows
            entered = self.atom_input(graph.features)
        initial = mish(entered)
        distances, shell = _shells(graph.distance)
        filtered = self.distance_filter(distances)
        initial_messages = mish(self.edge_input(filtered))
        messages = initial_messages.index_select(0, shell)
        atoms = initial
        features = {"edge_attr": filtered[shell], "embedding": initial}
        for index, update in enumerate(self.edge_update, start=1):
            atoms = atoms + self.booster(messages, graph)
            # W (m - h) = W m - W h: the first product is per atom. An edge and its reverse
            # have one distance, so in the first round the second is per distance.
            if index == 1:
                changed = initial_messages - update(initial_messages)
                changed = changed.index_select(0, shell)
            else:
                carried = update(messages).index_select(0, reverse)
                changed = initial_messages.index_select(0, shell) - carried
            messages = mish(changed + update(atoms).index_select(0, graph.source))
            messages = self.dropout(messages)
            features[f"gc_{index}"] = atoms
        gathered = torch.cat([self.booster(messages, graph), atoms, initial], dim=1)
        atoms = mish(self.atom_output(self.communicate(gathered)))
        features["atoms"] = atoms
        features["readout"] = mean_over_atoms(atoms, graph)
        self.feature_dict = features
        hidden = mish(self.readout(features["readout"]))
        return in_full_precision(self.output, hidden)


def _shells(distance: Tensor) -> tuple[Tensor, Tensor]:
    """Distances that differ, and which of them each edge has.

    Initial messages are functions of the distance, and a crystal has few distances: what
    is done to these messages is done once for each.
    """
    if distance.requires_grad:  # which a joint distance would not hand on to its edges
        return distance, torch.arange(len(distance), device=distance.device)
    distances, shell = torch.unique(distance, return_inverse=True)
    return distances, shell


def paper_descriptor() -> Concatenate:
    """Make the paper's node rows: 1056 numbers of the OFM, and 438 elemental features."""
    return Concatenate(OFM(), ElementalFeatures())
