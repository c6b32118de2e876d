"""The energy by which a structure lies above its local minimum, learned from copies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn
from torch.nn import functional

from ase_orbital.models.layers import in_full_precision

if TYPE_CHECKING:
    from torch import Tensor

N_LAYERS = 2
START = -4.0  # output before training, which softplus turns into 0.02 eV/atom


class RelaxationEnergy(nn.Module):
    """Relaxation energy: a mean of energies of the atoms, each above zero.

    Parameters
    ----------
    n_features
        Number of features of an atom.
    n_hidden
        Width of the hidden layers.
    n_layers
        Number of hidden layers: 2, or 1 in the files of earlier models.
    """

    def __init__(
        self, n_features: int, n_hidden: int = 64, n_layers: int = N_LAYERS
    ) -> None:
        super().__init__()
        self.hidden = nn.Linear(n_features, n_hidden)
        self.second = nn.Linear(n_hidden, n_hidden) if n_layers == 2 else None
        self.output = nn.Linear(n_hidden, 1)
        nn.init.constant_(self.output.bias, START)

    def forward(self, atoms: Tensor) -> Tensor:
        """Return the energy of each atom, eV, [n_atoms], from [n_atoms, n_features]."""
        hidden = functional.softplus(self.hidden(atoms))
        if self.second is not None:
            hidden = functional.softplus(self.second(hidden))
        return functional.softplus(in_full_precision(self.output, hidden)).squeeze(-1)
