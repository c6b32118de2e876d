"""Graphs with targets, and the batches of an epoch."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from ase_orbital.graphs.crystal_graph import CrystalGraph


@dataclass(frozen=True)
class GraphDataset:
    """The graphs of many crystals as one batch, with their targets, [n_graphs]."""

    graph: CrystalGraph
    targets: Tensor

    def select(self, indices: Tensor) -> GraphDataset:
        """Return some of the crystals, in the order of the indices."""
        return GraphDataset(self.graph.select(indices), self.targets[indices])

    def to(self, device: torch.device | str) -> GraphDataset:
        """Move graphs and targets to a device; Lightning calls this for each batch."""
        return GraphDataset(self.graph.to(device), self.targets.to(device))


class Batches:
    """Iterate over a dataset in batches, of which the last one may have fewer crystals.

    The order is that of the given indices, or of the dataset if they are None.
    """

    def __init__(
        self, dataset: GraphDataset, order: Tensor | None, batch_size: int
    ) -> None:
        self.dataset = dataset
        self.order = torch.arange(len(dataset.targets)) if order is None else order
        self.batch_size = batch_size

    def __len__(self) -> int:
        return math.ceil(len(self.order) / self.batch_size)

    def __iter__(self) -> Iterator[GraphDataset]:
        for indices in self.order.split(self.batch_size):
            yield self.dataset.select(indices)


def shuffled(
    n_crystals: int, *, seed: int, epoch: int, rank: int = 0, n_ranks: int = 1
) -> Tensor:
    """Return the random order of an epoch, or the share of one of several processes.

    All shares have the same length, so that no process waits for the last batch of
    another. Up to `n_ranks - 1` crystals are therefore left out, different ones each epoch.
    """
    random = torch.Generator().manual_seed(seed * 100_003 + epoch)
    order = torch.randperm(n_crystals, generator=random)
    return order[rank : n_crystals - n_crystals % n_ranks : n_ranks]
