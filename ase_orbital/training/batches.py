"""Graphs and targets in the order they are learned from."""

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
class Labeled:
    """Crystals as one batch, with their targets ([n_graphs]) in the same order."""

    graph: CrystalGraph
    targets: Tensor

    def select(self, indices: Tensor) -> Labeled:
        """Take some of the crystals."""
        return Labeled(self.graph.select(indices), self.targets[indices])

    def to(self, device: torch.device | str) -> Labeled:
        """Move everything; lightning's way to the device."""
        return Labeled(self.graph.to(device), self.targets.to(device))


class Batches:
    """Iterates over parts of the crystals, in a given order.

    Parameters
    ----------
    crystals
        To take the batches from.
    order
        Indices of the crystals; None for as they are.
    batch_size
        Crystals a batch; the last may have fewer.
    """

    def __init__(self, crystals: Labeled, order: Tensor | None, batch_size: int) -> None:
        n_crystals = len(crystals.targets)
        self.crystals = crystals
        self.order = torch.arange(n_crystals) if order is None else order
        self.batch_size = batch_size

    def __len__(self) -> int:
        return math.ceil(len(self.order) / self.batch_size)

    def __iter__(self) -> Iterator[Labeled]:
        for indices in self.order.split(self.batch_size):
            yield self.crystals.select(indices)


def shuffled(
    n_crystals: int, *, seed: int, epoch: int, rank: int = 0, n_ranks: int = 1
) -> Tensor:
    """Order of an epoch, or the share of one process among several.

    All shares have the same length, so that no process waits for another's last batch: up
    to `n_ranks - 1` crystals sit an epoch out.
    """
    random = torch.Generator().manual_seed(seed * 100_003 + epoch)
    order = torch.randperm(n_crystals, generator=random)
    return order[rank : n_crystals - n_crystals % n_ranks : n_ranks]
