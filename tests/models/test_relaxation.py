"""The relaxation energy is a mean over the atoms."""

import torch

from ase_orbital.models.layers import mean_over_atoms
from ase_orbital.models.relaxation import START, RelaxationEnergy


def test_without_weights_each_atom_has_the_energy_of_the_bias(network, crystals):
    model = network(n_hidden=8).double()
    graph = model.batch(crystals)
    head = RelaxationEnergy(8).double()
    torch.nn.init.zeros_(head.output.weight)
    energies = head(torch.rand(len(graph.numbers), 8, dtype=torch.float64))
    found = mean_over_atoms(energies[:, None], graph).squeeze(-1)
    start = torch.tensor(START, dtype=torch.float64)
    expected = torch.log1p(torch.exp(start)).expand(len(crystals))
    torch.testing.assert_close(found, expected)
