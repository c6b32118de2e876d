"""The relaxation energy, and networks that add it to the energy of the relaxed crystal."""

import copy

import pytest
import torch

from ase_orbital.errors import ModelError
from ase_orbital.graphs.crystal_graph import CrystalGraph
from ase_orbital.models.loading import load_folder
from ase_orbital.models.relaxation import START, RelaxationEnergy


@pytest.fixture
def energy_model(network, shake_norms):
    """Each network, predicting an energy at any geometry."""
    torch.manual_seed(3)
    model = network(n_hidden=16, property_name="energy_per_atom", relaxation=True)
    return shake_norms(model).double().eval()


def test_without_weights_each_atom_has_the_energy_of_the_bias(network, crystals):
    model = network(n_hidden=8).double()
    graph = model.batch(crystals)
    head = RelaxationEnergy(8).double()
    torch.nn.init.zeros_(head.output.weight)
    found = head(torch.rand(len(graph.numbers), 8, dtype=torch.float64), graph)
    start = torch.tensor(START, dtype=torch.float64)
    expected = torch.log1p(torch.exp(start)).expand(len(crystals))
    torch.testing.assert_close(found, expected)


def test_relaxation_energy_is_added(energy_model, crystals):
    graph = energy_model.batch(crystals)
    total = energy_model(graph)
    relaxation = energy_model.feature_dict["relaxation"]
    assert (relaxation > 0.0).all()
    assert relaxation.std() > 0.0
    relaxed = copy.deepcopy(energy_model)
    relaxed.relaxation = None
    torch.testing.assert_close(relaxed(graph) + relaxation, total)


def test_merged_atoms_have_the_same_relaxation_energy(energy_model, crystals):
    merged = energy_model.batch(crystals)
    every_atom = CrystalGraph.batch(energy_model.graphs(crystals))
    energy_model(merged)
    found = energy_model.feature_dict["relaxation"]
    energy_model(every_atom)
    torch.testing.assert_close(found, energy_model.feature_dict["relaxation"])


def test_saved_network_keeps_the_relaxation_energy(energy_model, crystals, tmp_path):
    energy_model.save(tmp_path / "model")
    loaded = load_folder(tmp_path / "model").double()
    graph = energy_model.batch(crystals)
    torch.testing.assert_close(loaded(graph), energy_model(graph))


@pytest.mark.parametrize("property_name", ["band_gap", "bulk_modulus", None])
def test_other_properties_have_none(network, property_name):
    with pytest.raises(ModelError, match="is no energy per atom"):
        network(n_hidden=4, property_name=property_name, relaxation=True)
