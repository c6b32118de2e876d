"""What the networks of a model compute for a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from torch import Tensor

    from ase_orbital.graphs.crystal_graph import CrystalGraph


class NetworkOutputs(NamedTuple):
    """What the networks of a model compute for a batch.

    Attributes
    ----------
    target
        What `forward` of each network returns, [n_networks, n_graphs, ...].
    stages
        Features of the atoms after each layer of the first network, [n_atoms, n] each.
    graph
        The batch.
    """

    target: Tensor
    stages: list[Tensor]
    graph: CrystalGraph
