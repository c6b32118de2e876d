"""EOSnet: overlap fingerprints in a crystal graph convolution network.

Source: Tao & Zhu, J. Phys. Chem. Lett. 16, 717 (2025), doi:10.1021/acs.jpclett.4c03179.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import nn
from torch.nn import functional

from ase_orbital.descriptors.concatenate import Concatenate
from ase_orbital.descriptors.gom import GOM
from ase_orbital.descriptors.onehot import OneHot
from ase_orbital.graphs.connectivity import Connectivity
from ase_orbital.models.crystal_model import CrystalModel, check_features
from ase_orbital.models.fused import FusedEOSNet
from ase_orbital.models.layers import (
    DistanceFilter,
    GatedConvolution,
    in_full_precision,
    mean_over_atoms,
)

if TYPE_CHECKING:
    from torch import Tensor

    from ase_orbital.descriptors.base import Descriptor
    from ase_orbital.graphs.crystal_graph import CrystalGraph
    from ase_orbital.models.crystal_model import Transform


class EOSNet(CrystalModel):
    """Gated convolutions over rows of one-hot element and GOM eigenvalues.

    Defaults are the paper's, apart from neighbors being counted by occupation. With other
    descriptors this is CGCNN (one-hot) or OGCNN (OFM).

    Parameters
    ----------
    descriptor
        Gives the rows of the atoms: a Descriptor, or its settings. None for the paper's
        179 numbers: one-hot of 113, and 66 normalized GOM eigenvalues.
    n_hidden
        Width of the node features.
    n_convolutions
        How many rounds of messages.
    n_readout
        Width of the layer after averaging over atoms.
    radius
        Of the neighbor search. Å.
    n_neighbors
        Neighbors of each atom.
    smoothing
        Width of the transition in the occupation of neighbors (Å); None for exactly the
        nearest, as published.
    normalize_edges
        Divide the distance filter's values by their norm, as the authors did until
        November 2024.
    dropout
        Before the output layer, for classification as published.
    property_name, n_classes, target_mean, target_scale, transform, elements
        As for `CrystalModel`.
    """

    def __init__(
        self,
        descriptor: Descriptor | dict[str, Any] | None = None,
        *,
        n_hidden: int = 64,
        n_convolutions: int = 3,
        n_readout: int = 128,
        radius: float = 8.0,
        n_neighbors: int = 12,
        smoothing: float | None = 0.1,
        normalize_edges: bool = False,
        dropout: float = 0.0,
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
                radius=radius, n_neighbors=n_neighbors, smoothing=smoothing
            ),
            property_name=property_name,
            n_classes=n_classes,
            target_mean=target_mean,
            target_scale=target_scale,
            transform=transform,
            elements=elements,
        )
        self._remember(settings)
        self.distance_filter = DistanceFilter(
            start=0.5, stop=radius, step=0.1, width=1.0, normalize=normalize_edges
        )
        self.embedding = nn.Linear(self.n_features, n_hidden)
        self.convolutions = nn.ModuleList(
            GatedConvolution(n_hidden, self.distance_filter.n_features)
            for _ in range(n_convolutions)
        )
        self.readout = nn.Linear(n_hidden, n_readout)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(n_readout, n_classes or 1)
        self._fused: list[FusedEOSNet] = []  # in a list: no part of the saved state

    def fuse(self) -> None:
        """See `CrystalModel.fuse`; `feature_dict` stays empty from then on."""
        self._fused = [FusedEOSNet([self])]

    def raw_output(self, graph: CrystalGraph) -> Tensor:
        """Run the network as far as its output layer: [n_graphs, 1 or n_classes]."""
        check_features(graph.features, self.n_features)
        for fused in self._fused:
            encoded: Tensor = fused(graph)[0]
            return encoded
        edges = self.distance_filter(graph.distance)
        basis = self.distance_filter.basis
        coordinates = edges @ basis
        nodes = self.embedding(graph.features)
        features = {"edge_attr": edges, "embedding": nodes}
        for index, convolution in enumerate(self.convolutions, start=1):
            nodes = convolution(nodes, coordinates, basis, graph)
            features[f"gc_{index}"] = nodes
        pooled = functional.softplus(mean_over_atoms(nodes, graph))
        features["readout"] = functional.softplus(self.readout(pooled))
        self.feature_dict = features
        return in_full_precision(self.output, self.dropout(features["readout"]))


def paper_descriptor() -> Concatenate:
    """Make the paper's node rows: one-hot of 113 places, and 66 GOM eigenvalues."""
    return Concatenate(OneHot(), GOM(n_eigenvalues=66, normalize=True))
