"""Predictors and calculators on a GPU predict as those on the CPU do."""

import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from ase_orbital import (
    GOM,
    FingerprintCalculator,
    Predictor,
    PropertyCalculator,
    list_models,
)
from ase_orbital.models import EOSNet
from ase_orbital.search import Maximize, ObjectiveCalculator

from ..structures import PEROVSKITE, rattled

pytestmark = [pytest.mark.gpu, pytest.mark.filterwarnings("default")]

# One of each kind: an ensemble of EOSNets, OCrystalNets, a logarithm, and a class.
KINDS = (
    "eosnet-heat-of-formation-perovskites",
    "ocrystalnet-bulk-modulus-mp",
    "eosnet-bulk-modulus-mp",
    "eosnet-metal-mp2018",
)
SHIPPED = [name for name in KINDS if name in list_models()]


@pytest.fixture(scope="module")
def perovskites():
    """SrTiO3 of three lattice constants, and a rattled cell of 40 atoms."""
    cells = [PEROVSKITE.copy() for _ in range(3)]
    for atoms, a in zip(cells, (3.8, 3.9, 4.1), strict=True):
        atoms.set_cell([a] * 3, scale_atoms=True)
    return [*cells, rattled(cells[1] * (2, 2, 2), seed=0)]


@pytest.fixture
def model():
    """An EOSNet whose weights have no meaning."""
    torch.manual_seed(0)
    return EOSNet(property_name="band_gap", target_mean=1.0, target_scale=2.0)


def columns(predictions):
    """Values of each property."""
    return {name: np.array([row[name] for row in predictions]) for name in predictions[0]}


def assert_equal(found, expected):
    """Compare what was predicted in double precision."""
    for row, other in zip(found, expected, strict=True):
        assert row == pytest.approx(other, rel=1e-8, abs=1e-8)


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_models(device, perovskites, name, assert_as_precise):
    found, single, double = (
        columns(Predictor(name, domain=True, **kind).predict_many(perovskites))
        for kind in (
            {"device": device},
            {"device": "cpu"},
            {"device": "cpu", "dtype": "float64"},
        )
    )
    assert found.keys() == double.keys()
    for prediction in found:
        assert_as_precise(found[prediction], single[prediction], double[prediction])


@pytest.mark.parametrize("name", SHIPPED[:2])
def test_shipped_models_in_double_precision(device, perovskites, name):
    there = Predictor(name, device=device, dtype="float64")
    here = Predictor(name, device="cpu", dtype="float64")
    expected = here.predict_many(perovskites)
    assert_equal(there.predict_many(perovskites), expected)
    assert_equal([there.predict(atoms) for atoms in perovskites], expected)


def test_networks_of_any_structure(device, network, crystals):
    there = Predictor(network, device=device, dtype="float64")
    here = Predictor(network, device="cpu", dtype="float64")
    assert_equal(there.predict_many(crystals), here.predict_many(crystals))
    assert next(network.parameters()).device.type == "cpu"  # the predictor's is a copy


def test_predictors_are_pickled_with_their_device(device, model, perovskites):
    for models in (model, *SHIPPED[:1]):
        predictor = Predictor(models, device=device, dtype="float64")
        copy = pickle.loads(pickle.dumps(predictor))
        assert copy.device == predictor.device
        found, expected = (
            copy.predict_many(perovskites),
            predictor.predict_many(perovskites),
        )
        assert_equal(found, expected)


def test_threads_share_a_predictor(device, model, perovskites):
    predictor = Predictor(model, device=device, dtype="float64")
    expected = predictor.predict_many(perovskites)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with ThreadPoolExecutor(2) as pool:
            lists = list(pool.map(predictor.predict_many, [perovskites] * 4))
    finally:
        torch.set_num_threads(before)
    for found in lists:
        assert_equal(found, expected)


def test_property_calculator(device, model, perovskites):
    atoms = perovskites[3].copy()
    expected = Predictor(model, device="cpu", dtype="float64").predict(atoms)
    predictor = Predictor(model, device=device, dtype="float64")
    atoms.calc = PropertyCalculator(predictor)
    assert_equal([atoms.calc.get_property("band_gap", atoms)], [expected["band_gap"]])


def test_objective_of_a_model_on_the_device(device, model, perovskites):
    """The calculator computes on the CPU, and leaves the model where it is."""
    atoms = perovskites[3].copy()
    found = []
    for where in ("cpu", device):
        atoms.calc = ObjectiveCalculator(model.to(where), [Maximize("band_gap")])
        found.append((atoms.get_potential_energy(), atoms.get_forces()))
    assert next(model.parameters()).device.type == torch.device(device).type
    assert found[1][0] == pytest.approx(found[0][0], rel=1e-12)
    np.testing.assert_allclose(found[1][1], found[0][1], rtol=0.0, atol=1e-12)


def test_fingerprint_energy_with_a_descriptor_on_the_device(device, perovskites):
    atoms, target = perovskites[3].copy(), perovskites[1] * (2, 2, 2)
    for goal in (None, target):
        found = []
        for where in ("cpu", device):
            descriptor = GOM(cutoff=4.0, device=where)
            atoms.calc = FingerprintCalculator(target=goal, descriptor=descriptor)
            found.append((atoms.get_potential_energy(), atoms.get_forces()))
        assert found[1][0] == pytest.approx(found[0][0], rel=1e-9)
        np.testing.assert_allclose(found[1][1], found[0][1], rtol=0.0, atol=1e-9)
