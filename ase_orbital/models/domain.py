"""Domain of a model: the range of its training set."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from ase_orbital.elements import SYMBOLS

if TYPE_CHECKING:
    from torch import Tensor

    from ase_orbital.graphs.crystal_graph import CrystalGraph

N_COMPONENTS = 16
MARGIN = 0.3  # standard deviations that a crystal may lie beyond all of the training set
FAR = 1e30  # above all projections; finite, so that weights can be averaged
CHUNK = 16_384  # atoms at a time, so that the features of many crystals fit into memory


class Domain(nn.Module):
    """Elements of a training set, and the range of the descriptor for each.

    Features are projected on the directions in which atoms of one element differ most:
    principal components within elements, in standard deviations. A crystal is inside if all
    projections of each of its atoms are in the range of its element in the training set,
    extended by `MARGIN`. Such a box is the simplest applicability domain (Sahigara et al.,
    Molecules 17, 4791 (2012), doi:10.3390/molecules17054791). Some crystals like those of
    the training set are outside: one in thirty for a set of 30,000 crystals, one in eight
    for 6,000.
    """

    def __init__(self, n_features: int) -> None:
        super().__init__()
        n_components = min(N_COMPONENTS, n_features)
        self.components: Tensor
        self.low: Tensor
        self.high: Tensor
        self.register_buffer("components", torch.zeros(n_components, n_features))
        # By atomic number; the range of an unseen element is empty.
        unseen = torch.full((len(SYMBOLS), n_components), FAR)
        self.register_buffer("low", unseen)
        self.register_buffer("high", -unseen)

    @property
    def known(self) -> bool:
        """Whether `fit` was called, or fitted values were loaded."""
        return bool((self.low <= self.high).any())

    def fit(self, graph: CrystalGraph) -> None:
        """Fit to the training set: a batch of all its crystals."""
        self.components.copy_(_components(graph, len(self.components)))
        self.low.fill_(FAR)
        self.high.fill_(-FAR)
        for features, numbers in _chunks(graph):
            places = numbers[:, None].expand(-1, len(self.components))
            projected = self._project(features).to(self.low.dtype)
            self.low.scatter_reduce_(0, places, projected, "amin")
            self.high.scatter_reduce_(0, places, projected, "amax")

    def excess(self, graph: CrystalGraph) -> Tensor:
        """Return the largest distance of an atom from the range of its element, [n_graphs].

        The distance is in standard deviations, 0 within the range, and about `FAR` for an
        unseen element.
        """
        projected = self._project(graph.features)
        beyond = torch.maximum(
            self.low[graph.numbers] - projected, projected - self.high[graph.numbers]
        )
        largest = beyond.amax(1).clamp(min=0.0).to(self.low.dtype)
        excess: Tensor = largest.new_zeros(graph.n_graphs)
        return excess.scatter_reduce(0, graph.graph_index, largest, "amax")

    def _project(self, features: Tensor) -> Tensor:
        # Divided by small standard deviations, the projections of one element are large
        # numbers with small differences, of which float32 would keep four digits.
        return features.double() @ self.components.double().T

    def forward(self, graph: CrystalGraph) -> Tensor:
        """Return whether each crystal is inside, [n_graphs]."""
        return self.excess(graph) <= MARGIN


def _chunks(graph: CrystalGraph) -> zip[tuple[Tensor, Tensor]]:
    return zip(graph.features.split(CHUNK), graph.numbers.split(CHUNK), strict=True)


def _components(graph: CrystalGraph, n_components: int) -> Tensor:
    """Compute principal components within elements, over their standard deviations."""
    n_features = graph.features.shape[1]
    double = torch.zeros(1, dtype=torch.float64, device=graph.features.device)
    counts = torch.bincount(graph.numbers, minlength=len(SYMBOLS)).clamp(min=1)
    means = double.new_zeros(len(SYMBOLS), n_features)
    for features, numbers in _chunks(graph):
        means.index_add_(0, numbers, features.double())
    means /= counts[:, None]
    covariance = double.new_zeros(n_features, n_features)
    for features, numbers in _chunks(graph):
        offset = features.double() - means[numbers]
        covariance += offset.T @ offset
    variances, axes = torch.linalg.eigh(covariance / len(graph.numbers))
    largest = variances.flip(0)[:n_components]
    # Directions without variance are left out: they would only amplify rounding.
    scale = torch.where(largest > 1e-10, largest.clamp(min=1e-10).rsqrt(), 0.0)
    components: Tensor = axes.flip(1)[:, :n_components].T * scale[:, None]
    return components
