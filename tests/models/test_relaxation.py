"""The relaxation energy is the square of what its network predicts, and never negative."""

import torch

from ase_orbital.models.relaxation import LEAST, RelaxationEnergy, root

SMALL = {"n_hidden": 8, "n_convolutions": 1, "readout_per_atom": True}


def constant(value):
    """A relaxation energy whose network always predicts the same root."""
    made = RelaxationEnergy(**SMALL, target_mean=value)
    torch.nn.init.zeros_(made.network.output.weight)
    torch.nn.init.zeros_(made.network.output.bias)
    return made


def test_it_is_the_energy_whose_root_is_predicted(crystals):
    energies = torch.tensor([0.0, 1e-4, 0.02, 0.5, 3.0])
    graph = constant(1.0).network.batch(crystals)
    for energy in energies:
        with torch.no_grad():
            found = constant(float(root(energy)))(graph)
        torch.testing.assert_close(
            found, energy.expand(len(crystals)), atol=1e-6, rtol=1e-5
        )


def test_it_is_never_negative(crystals):
    made = constant(-1.0)
    with torch.no_grad():
        found = made(made.network.batch(crystals))
    torch.testing.assert_close(found, torch.zeros(len(crystals)), atol=1e-8, rtol=0.0)


def test_energies_below_zero_have_the_root_of_zero():
    assert float(root(torch.tensor(-0.3))) == float(torch.tensor(LEAST).sqrt())


def test_it_does_not_change_with_the_cell_and_the_batch(crystals):
    torch.manual_seed(0)
    made = RelaxationEnergy(**SMALL, target_mean=0.5, target_scale=0.3).double()
    with torch.no_grad():
        expected = made(made.network.batch(crystals))
        larger = [atoms * (1, 1, 2) for atoms in crystals[::-1]]
        found = made(made.network.batch(larger)).flip(0)
    assert expected.std() > 1e-3
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-9)


def test_its_settings_make_an_equal_one(crystals):
    torch.manual_seed(0)
    made = RelaxationEnergy(**SMALL, target_mean=0.5, target_scale=0.3)
    again = RelaxationEnergy(**made.settings)
    again.load_state_dict(made.state_dict())
    graph = made.network.batch(crystals)
    with torch.no_grad():
        torch.testing.assert_close(again(graph), made(graph))
