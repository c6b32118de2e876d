"""The relaxation energy is a mean over the atoms."""

import pytest
import torch

from ase_orbital.models.layers import mean_over_atoms
from ase_orbital.models.relaxation import START, RelaxationEnergy


@pytest.mark.parametrize("n_layers", [1, 2])
def test_without_weights_each_atom_has_the_energy_of_the_bias(network, crystals, n_layers):
    model = network(n_hidden=8).double()
    graph = model.batch(crystals)
    head = RelaxationEnergy(8, n_layers=n_layers).double()
    torch.nn.init.zeros_(head.output.weight)
    energies = head(torch.rand(len(graph.numbers), 8, dtype=torch.float64))
    found = mean_over_atoms(energies[:, None], graph).squeeze(-1)
    start = torch.tensor(START, dtype=torch.float64)
    expected = torch.log1p(torch.exp(start)).expand(len(crystals))
    torch.testing.assert_close(found, expected)


def test_what_is_no_sum_over_features_is_learned():
    torch.manual_seed(0)
    atoms = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    energies = torch.tensor([0.0, 1.0, 1.0, 0.0])  # exclusive or
    head = RelaxationEnergy(2)
    optimizer = torch.optim.Adam(head.parameters(), lr=0.01)
    for _ in range(500):
        optimizer.zero_grad()
        (head(atoms) - energies).square().mean().backward()
        optimizer.step()
    torch.testing.assert_close(head(atoms), energies, atol=0.1, rtol=0.0)
