"""An ensemble is the mean of its members, and says how far they are apart."""

import json

import matgl
import numpy as np
import pytest
import torch
from ase.build import bulk

from ase_orbital import Predictor
from ase_orbital.errors import ModelError
from ase_orbital.graphs.crystal_graph import CrystalGraph
from ase_orbital.models import Ensemble, EOSNet, OCrystalNet
from ase_orbital.models.uncertainty import Calibration
from ase_orbital.zoo import read_card

CRYSTALS = [bulk("NaCl", "rocksalt", a=5.64), bulk("Si"), bulk("Cu") * (2, 1, 1)]


def members(n=3, kind=EOSNet, **settings):
    networks = []
    for seed in range(n):
        torch.manual_seed(seed)
        networks.append(kind(n_hidden=8, **settings).eval())
    return networks


def test_regression_is_the_mean():
    networks = members(property_name="band_gap", target_mean=1.0, target_scale=2.0)
    ensemble = Ensemble(networks).eval()
    graph = CrystalGraph.batch(ensemble.graphs(CRYSTALS))
    with torch.no_grad():
        single = torch.stack([network(graph) for network in networks])
        value, std, _ = ensemble.assess(ensemble.outputs(graph))
    torch.testing.assert_close(value, single.mean(0))
    torch.testing.assert_close(std, single.std(0))


def test_moduli_are_averaged_as_logarithms_and_spread_in_their_unit():
    networks = members(property_name="bulk_modulus", target_mean=2.0, target_scale=0.1)
    ensemble = Ensemble(networks, std_scale=1.5, std_floor=0.02).double().eval()
    graph = CrystalGraph.batch(ensemble.graphs(CRYSTALS))
    with torch.no_grad():
        logs = torch.stack([network(graph) for network in networks])
        value, std, _ = ensemble.assess(ensemble.outputs(graph))
    sigma = 1.5 * torch.sqrt(logs.var(0) + 0.02**2)
    torch.testing.assert_close(value, 10 ** logs.mean(0))
    half = (10 ** (logs.mean(0) + sigma) - 10 ** (logs.mean(0) - sigma)) / 2
    torch.testing.assert_close(std, half, rtol=1e-4, atol=1e-3)


def test_classes_average_probabilities():
    networks = members(property_name="metal_probability", n_classes=2)
    ensemble = Ensemble(networks).eval()
    graph = CrystalGraph.batch(ensemble.graphs(CRYSTALS))
    with torch.no_grad():
        single = torch.stack([network.to_property(network(graph)) for network in networks])
        value, std, _ = ensemble.assess(ensemble.outputs(graph))
        total = torch.exp(ensemble(graph)).sum(1)
    torch.testing.assert_close(value, single.mean(0))
    torch.testing.assert_close(std, single.std(0))
    torch.testing.assert_close(total, torch.ones(3))


def test_it_is_saved_in_one_folder_that_matgl_opens(tmp_path):
    ensemble = Ensemble(
        members(kind=OCrystalNet, property_name="band_gap", elements=[11, 14, 17, 29]),
        std_scale=2.0,
        std_floor=0.1,
    ).eval()
    ensemble.save(tmp_path, metadata={"metrics": {"mae_test": 0.1}})
    opened = matgl.load_model(tmp_path).eval()
    assert opened.calibration == Calibration(scale=2.0, floor=0.1)
    expected = float(ensemble.predict_structure(CRYSTALS[0]))
    assert float(opened.predict_structure(CRYSTALS[0])) == expected
    card = read_card(tmp_path)
    assert card.network == "3 x OCrystalNet"
    assert card.settings["property_name"] == "band_gap"
    assert json.loads((tmp_path / "model.json").read_text())["@class"] == "Ensemble"


def test_a_predictor_gives_its_spread():
    networks = members(property_name="band_gap", target_mean=9.0)
    predictor = Predictor(Ensemble(networks), device="cpu")
    assert predictor.properties == ["band_gap", "band_gap_std"]
    assert predictor.units == {"band_gap": "eV", "band_gap_std": "eV"}
    rows = predictor.predict_many(CRYSTALS)
    single = [
        Predictor(network, device="cpu").predict_many(CRYSTALS) for network in networks
    ]
    values = np.array([[row["band_gap"] for row in of_one] for of_one in single])
    for index, row in enumerate(rows):
        assert row["band_gap"] == pytest.approx(values[:, index].mean(), abs=1e-5)
        std = values[:, index].std(ddof=1)
        assert row["band_gap_std"] == pytest.approx(std, abs=1e-5)


def test_a_committee_with_an_ensemble_has_both_spreads():
    networks = members(property_name="band_gap")
    ensemble = Ensemble(networks[:2], std_floor=0.3)
    both = Predictor([ensemble, networks[2]], device="cpu").predict(CRYSTALS[0])
    of_ensemble = Predictor(ensemble, device="cpu").predict(CRYSTALS[0])
    other = Predictor(networks[2], device="cpu").predict(CRYSTALS[0])["band_gap"]
    values = np.array([of_ensemble["band_gap"], other])
    within = of_ensemble["band_gap_std"] ** 2 / 2
    assert both["band_gap"] == pytest.approx(values.mean())
    expected = np.sqrt(values.var(ddof=1) + within)
    assert both["band_gap_std"] == pytest.approx(expected)


def test_members_must_agree():
    one, other = (
        members(1, property_name="band_gap"),
        members(1, property_name="fermi_energy"),
    )
    with pytest.raises(ModelError, match="property_name"):
        Ensemble(one + other)
    with pytest.raises(ModelError, match="descriptor"):
        Ensemble(one + members(1, OCrystalNet, property_name="band_gap"))
    with pytest.raises(ModelError, match="at least 2"):
        Ensemble(one)
    with pytest.raises(ModelError, match="no network 'MEGNet'"):
        Ensemble([{"network": "MEGNet"}] * 2)
