"""The energy by which a structure lies above its local minimum, learned from copies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from ase_orbital.models.eosnet import EOSNet

if TYPE_CHECKING:
    from torch import Tensor

    from ase_orbital.graphs.crystal_graph import CrystalGraph

LEAST = 1e-3  # eV/atom; smaller relaxation energies are alike


class RelaxationEnergy(nn.Module):
    """Relaxation energy, predicted by a small EOSNet of its own for the graph of a model.

    The network predicts the square root of the energy, because what matters most is whether
    it is zero.

    Parameters
    ----------
    **settings
        Constructor arguments of the network.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__()
        self.network: Any = EOSNet(**settings).eval()  # or `fused`, for prediction

    @property
    def settings(self) -> dict[str, Any]:
        """Constructor arguments that make an equal one, in JSON values."""
        settings: dict[str, Any] = self.network.settings
        return settings

    def forward(self, graph: CrystalGraph) -> Tensor:
        """Return the energy of each crystal, eV/atom, [n_graphs]."""
        root = self.network.outputs(graph).target[0]
        energy: Tensor = root.clamp(min=LEAST**0.5).square() - LEAST
        return energy


def root(energies: Tensor) -> Tensor:
    """Return what the network learns from relaxation energies in eV/atom."""
    return torch.sqrt(energies.clamp(min=0.0) + LEAST)
