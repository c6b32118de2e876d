"""Graphs with targets, and the batches of an epoch."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from ase_orbital.graphs.crystal_graph import CrystalGraph


@dataclass(frozen=True)
class GraphDataset:
    """The graphs of many crystals as one batch, with values for each, [n_graphs].

    The values are the targets, and optionally the weights of the crystals in the loss,
    their relaxation energies, nan where they are not known, and numbers of their groups.
    """

    graph: CrystalGraph
    targets: Tensor
    weights: Tensor | None = None
    relaxation: Tensor | None = None
    groups: Tensor | None = None

    def select(self, indices: Tensor) -> GraphDataset:
        """Return some of the crystals, in the order of the indices."""
        chosen = {name: values[indices] for name, values in self._values().items()}
        return replace(self, graph=self.graph.select(indices), **chosen)

    def to(self, device: torch.device | str) -> GraphDataset:
        """Move graphs and values to a device; Lightning calls this for each batch."""
        moved = {name: values.to(device) for name, values in self._values().items()}
        return replace(self, graph=self.graph.to(device), **moved)

    @property
    def n_bytes(self) -> int:
        """Memory of all tensors."""
        tensors = [*vars(self.graph).values(), *self._values().values()]
        return sum(at.nbytes for at in tensors if at is not None)

    def _values(self) -> dict[str, Tensor]:
        named = vars(self).items()
        return {name: at for name, at in named if name != "graph" and at is not None}


class Batches:
    """Iterate over a dataset in batches, of which the last one may have fewer crystals.

    The order is that of the given indices, or of the dataset if they are None. Batches are
    on the device of the dataset.
    """

    def __init__(
        self, dataset: GraphDataset, order: Tensor | None, batch_size: int
    ) -> None:
        self.dataset = dataset
        if order is None:
            order = torch.arange(len(dataset.targets))
        self.order = order.to(dataset.targets.device)
        self.batch_size = batch_size

    def __len__(self) -> int:
        return math.ceil(len(self.order) / self.batch_size)

    def __iter__(self) -> Iterator[GraphDataset]:
        for indices in self.order.split(self.batch_size):
            yield self.dataset.select(indices)


def in_groups(
    groups: Tensor, order: Tensor, copies: int | None = None, *, seed: int = 0
) -> Tensor:
    """Return the crystals of groups, group by group in the given order of the groups.

    With a number of `copies`, only the first crystal of each group and that many others,
    drawn at random, are returned.
    """
    place = torch.full((int(groups.max()) + 1,), -1)
    place[order] = torch.arange(len(order))
    keys = place[groups]
    chosen = (keys >= 0).nonzero().squeeze(1)
    if copies is not None:
        random = torch.Generator().manual_seed(seed)
        priority = torch.rand(len(groups), generator=random)
        priority[first_of_groups(groups)] = -1.0
        chosen = chosen[torch.argsort(priority[chosen])]
    chosen = chosen[torch.argsort(keys[chosen], stable=True)]
    if copies is None or not len(chosen):
        return chosen
    _, counts = torch.unique_consecutive(keys[chosen], return_counts=True)
    start = torch.repeat_interleave(counts.cumsum(0) - counts, counts)
    return chosen[torch.arange(len(chosen)) - start <= copies]


def first_of_groups(groups: Tensor) -> Tensor:
    """Return the index of the first crystal with the same group, [n_crystals]."""
    _, number = torch.unique(groups, return_inverse=True)
    index = torch.arange(len(groups), device=groups.device)
    first = torch.full_like(index, len(groups))
    return first.scatter_reduce(0, number, index, "amin")[number]


def epoch_seed(seed: int, epoch: int) -> int:
    """Return the seed of an epoch, so that a resumed run draws the same numbers."""
    return seed * 100_003 + epoch


def shuffled(
    n_crystals: int, *, seed: int, epoch: int, rank: int = 0, n_ranks: int = 1
) -> Tensor:
    """Return the random order of an epoch, or the share of one of several processes.

    All shares have the same length, so that no process waits for the last batch of
    another. Up to `n_ranks - 1` crystals are therefore left out, different ones each epoch.
    """
    random = torch.Generator().manual_seed(epoch_seed(seed, epoch))
    order = torch.randperm(n_crystals, generator=random)
    return order[rank : n_crystals - n_crystals % n_ranks : n_ranks]
