"""Whether a crystal is like those a model was trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from ase_orbital.models.layers import mean_over_atoms

if TYPE_CHECKING:
    from torch import Tensor

    from ase_orbital.graphs.crystal_graph import CrystalGraph

N_COMPONENTS = 16
QUANTILE = 0.999  # of the training set that counts as inside


class Domain(nn.Module):
    """Range of the descriptor over a training set.

    The rows of a crystal, averaged over its atoms, are compared with those of the training
    set along its first principal components (Hotelling's T squared) and across them (the
    squared residual Q): a crystal is inside if neither is larger than for all but one in a
    thousand of the training set.

    Source: Jackson & Mudholkar, Technometrics 21, 341 (1979),
    doi:10.1080/00401706.1979.10489779.

    Parameters
    ----------
    n_features
        Length of the rows.
    """

    def __init__(self, n_features: int) -> None:
        super().__init__()
        n_components = min(N_COMPONENTS, n_features)
        self.center: Tensor
        self.components: Tensor
        self.deviations: Tensor
        self.limits: Tensor
        self.register_buffer("center", torch.zeros(n_features))
        self.register_buffer("components", torch.zeros(n_components, n_features))
        self.register_buffer("deviations", torch.ones(n_components))
        self.register_buffer("limits", torch.full((2,), -1.0))

    @property
    def known(self) -> bool:
        """Whether a training set was ever shown."""
        return bool((self.limits >= 0.0).all())

    def fit(self, graph: CrystalGraph) -> None:
        """Remember the crystals of a batch as the training set."""
        rows = mean_over_atoms(graph.rows, graph).double()
        center = rows.mean(0)
        offset = rows - center
        variances, axes = torch.linalg.eigh(offset.T @ offset / max(1, len(rows) - 1))
        n_components = len(self.components)
        largest = variances.flip(0)[:n_components].clamp(min=1e-12)
        self.center.copy_(center)
        self.components.copy_(axes.flip(1)[:, :n_components].T)
        self.deviations.copy_(largest.sqrt())
        distances = self.distances(graph).double()
        # The next higher value there is: of fewer than a thousand, all are inside.
        limits = torch.quantile(distances, QUANTILE, dim=1, interpolation="higher")
        self.limits.copy_(limits)

    def distances(self, graph: CrystalGraph) -> Tensor:
        """T squared and Q of each crystal, [2, n_graphs]."""
        offset = mean_over_atoms(graph.rows, graph) - self.center
        scores = offset @ self.components.T
        within = torch.square(scores / self.deviations).sum(1)
        across = torch.square(offset - scores @ self.components).sum(1)
        return torch.stack([within, across])

    def forward(self, graph: CrystalGraph) -> Tensor:
        """Whether each crystal is inside, [n_graphs]."""
        # A little more than the limit: rounding puts no crystal of the edge outside.
        limits = self.limits[:, None] * (1.0 + 1e-4) + 1e-9
        return (self.distances(graph) <= limits).all(0)
