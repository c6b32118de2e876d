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
from ase_orbital.models.layers import (
    DistanceFilter,
    GatedConvolution,
    in_full_precision,
    mean_over_atoms,
)
from ase_orbital.models.network import Network, arguments

if TYPE_CHECKING:
    from torch import Tensor

    from ase_orbital.descriptors.base import Descriptor
    from ase_orbital.graphs.crystal_graph import CrystalGraph


class EOSNet(Network):
    """Gated graph convolutions on one-hot elements and GOM eigenvalues.

    The defaults are those of the paper, except that neighbors are weighted smoothly. The
    convolutions are those of CGCNN and OGCNN, which have other features of the atoms and
    other distance filters.

    Parameters
    ----------
    descriptor
        Computes the features of the atoms: a Descriptor, or its settings. None for the 179
        features of the paper: one-hot elements (113) and normalized GOM eigenvalues (66).
    n_hidden
        Width of the node features.
    n_convolutions
        Number of convolutions.
    n_readout
        Width of the layer before the output.
    readout_per_atom
        Average over the atoms after that layer instead of before. The output is then a mean
        of contributions of the atoms, which suits energies away from equilibrium.
    radius, n_neighbors, smoothing
        Neighbors of an atom; see `Connectivity`.
    normalize_edges
        Divide the values of the distance filter by their norm, as the authors did until
        November 2024.
    dropout
        Dropout probability before the output layer; the paper uses it for classification.
    **target
        Property and scale of the target, and known elements; see `CrystalModel`.
    """

    def __init__(
        self,
        descriptor: Descriptor | dict[str, Any] | None = None,
        *,
        n_hidden: int = 64,
        n_convolutions: int = 3,
        n_readout: int = 128,
        readout_per_atom: bool = False,
        radius: float = 8.0,
        n_neighbors: int = 12,
        smoothing: float | None = 0.1,
        normalize_edges: bool = False,
        dropout: float = 0.0,
        **target: Any,
    ) -> None:
        hyperparameters = arguments(locals())
        if descriptor is None:
            descriptor = Concatenate(OneHot(), GOM(n_eigenvalues=66, normalize=True))
        super().__init__(
            descriptor,
            Connectivity(radius=radius, n_neighbors=n_neighbors, smoothing=smoothing),
            **target,
        )
        self.hyperparameters = hyperparameters
        self.distance_filter = DistanceFilter(
            start=0.5, stop=radius, step=0.1, width=1.0, normalize=normalize_edges
        )
        self.embedding = nn.Linear(self.n_features, n_hidden)
        self.convolutions = nn.ModuleList(
            GatedConvolution(n_hidden, self.distance_filter.n_features)
            for _ in range(n_convolutions)
        )
        self.readout = nn.Linear(n_hidden, n_readout)
        self.readout_per_atom = readout_per_atom
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(n_readout, self.n_classes or 1)

    @property
    def input_layer(self) -> nn.Linear:
        """See `Network.input_layer`."""
        return self.embedding

    def layer_outputs(self, graph: CrystalGraph) -> dict[str, Tensor]:
        """See `Network.layer_outputs`."""
        edges = self.distance_filter(graph.distance)
        basis = self.distance_filter.basis
        coordinates = edges @ basis
        nodes = self.embedding(graph.features)
        features = {"edge_attr": edges, "embedding": nodes}
        for index, convolution in enumerate(self.convolutions, start=1):
            nodes = convolution(nodes, coordinates, basis, graph)
            features[f"gc_{index}"] = nodes
        features["atoms"] = nodes
        pooled = nodes if self.readout_per_atom else mean_over_atoms(nodes, graph)
        hidden = functional.softplus(self.readout(functional.softplus(pooled)))
        if self.readout_per_atom:
            hidden = mean_over_atoms(hidden, graph)
        features["readout"] = hidden
        features["output"] = in_full_precision(self.output, self.dropout(hidden))
        return features
