"""Saved models against themselves, opened by matgl's own loader."""

import json
import pickle

import matgl
import numpy as np
import pytest
import torch
from ase.build import bulk
from matgl.models import MatGLModel

from ase_orbital import GOM, OFM, Concatenate, ElementalFeatures, OneHot
from ase_orbital.elements import provenance
from ase_orbital.errors import ElementError
from ase_orbital.models import EOSNet, OCrystalNet

ATOMS = bulk("NaCl", "rocksalt", a=5.64)


def make_eosnet(**settings):
    rows = Concatenate(OneHot(size=100), GOM(cutoff=4.5, orbitals="sp", n_eigenvalues=9))
    return EOSNet(
        rows,
        n_hidden=7,
        n_convolutions=2,
        n_readout=5,
        radius=6.5,
        n_neighbors=9,
        smoothing=0.15,
        normalize_edges=True,
        dropout=0.2,
        property_name="bulk_modulus",
        target_mean=1.7,
        target_scale=0.4,
        elements=[17, 11],
        **settings,
    )


def make_ocrystalnet(**settings):
    return OCrystalNet(
        Concatenate(OFM(distance_exponent=4, center=False), ElementalFeatures()),
        n_hidden=6,
        n_layers=3,
        radius=4.5,
        n_neighbors=6,
        smoothing=None,
        property_name="band_gap",
        target_mean=1.7,
        target_scale=0.4,
        transform="log10",
        elements=[11, 17],
        **settings,
    )


@pytest.fixture(params=[make_eosnet, make_ocrystalnet], ids=["EOSNet", "OCrystalNet"])
def model(request, shake_norms):
    torch.manual_seed(3)
    return shake_norms(request.param()).eval()


def test_matgl_opens_what_was_saved_equal_to_the_bit(model, tmp_path):
    model.save(tmp_path / "mine")
    twin = matgl.load_model(tmp_path / "mine").eval()
    assert isinstance(twin, type(model))
    assert isinstance(twin, MatGLModel)
    assert twin.descriptor == model.descriptor
    assert twin.connectivity == model.connectivity
    assert twin.elements == [11, 17]
    assert (twin.property_name, twin.transform) == (model.property_name, model.transform)
    mine, theirs = model.state_dict(), twin.state_dict()
    assert mine.keys() == theirs.keys()
    assert all(torch.equal(mine[name], theirs[name]) for name in mine)
    assert float(twin.predict_structure(ATOMS)) == float(model.predict_structure(ATOMS))


@pytest.mark.parametrize("network", [EOSNet, OCrystalNet])
def test_papers_networks_survive(network, tmp_path):
    torch.manual_seed(0)
    model = network().eval()
    model.save(tmp_path)
    twin = matgl.load_model(tmp_path).eval()
    assert float(twin.predict_structure(ATOMS)) == float(model.predict_structure(ATOMS))


def test_classifier_survives(network, tmp_path):
    model = network(OneHot(), n_hidden=4, n_classes=2, property_name="metal_probability")
    model.save(tmp_path)
    twin = matgl.load_model(tmp_path)
    assert twin.n_classes == 2
    assert float(twin.predict_structure(ATOMS)) == float(model.predict_structure(ATOMS))


def test_trained_scale_survives_although_it_was_not_an_argument(model, tmp_path):
    model.target_mean.fill_(-5.25)
    model.target_scale.fill_(0.125)
    model.save(tmp_path)
    twin = matgl.load_model(tmp_path)
    assert float(twin.target_mean) == -5.25
    assert float(twin.predict_structure(ATOMS)) == float(model.predict_structure(ATOMS))


def test_model_json_is_plain_and_says_what_the_model_was_fed(model, tmp_path):
    model.save(tmp_path, metadata={"metrics": {"mae": 0.03}})
    content = json.loads((tmp_path / "model.json").read_text(encoding="utf-8"))
    assert content["@class"] == type(model).__name__
    assert content["@module"] == "ase_orbital.models.matgl"
    assert content["kwargs"]["elements"] == [11, 17]
    assert content["kwargs"]["descriptor"]["name"] == "Concatenate"
    assert content["kwargs"]["radius"] == model.connectivity.radius
    assert content["metadata"]["metrics"] == {"mae": 0.03}
    checksums = {name: origin.sha256 for name, origin in provenance().items()}
    assert content["metadata"]["tables"] == checksums


def test_files_hold_weights_and_plain_values_but_no_code(model, tmp_path):
    model.save(tmp_path)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["model.json", "model.pt", "state.pt"]
    state = torch.load(tmp_path / "state.pt", weights_only=True)
    assert state.keys() == model.state_dict().keys()
    settings = torch.load(tmp_path / "model.pt", weights_only=True)
    assert json.loads(json.dumps(settings)) == settings


@pytest.mark.parametrize("make", [make_eosnet, make_ocrystalnet])
def test_numpy_settings_are_saved_as_plain_ones(make, tmp_path):
    network = type(make())
    settings = {
        "target_mean": np.float64(0.5),
        "target_scale": np.float32(2.0),
        "elements": np.array([17, 11]),
    }
    model = network(
        OneHot(size=np.int64(90)), n_hidden=np.int64(4), radius=np.float64(5.0), **settings
    )
    model.save(tmp_path)
    twin = matgl.load_model(tmp_path)
    assert float(twin.predict_structure(ATOMS)) == float(model.predict_structure(ATOMS))


def test_models_travel_by_pickle(model):
    twin = pickle.loads(pickle.dumps(model))
    assert float(twin.predict_structure(ATOMS)) == float(model.predict_structure(ATOMS))


def test_unseen_element_is_still_refused_after_loading(model, tmp_path):
    model.save(tmp_path)
    twin = matgl.load_model(tmp_path)
    with pytest.raises(ElementError, match=r"atom 1 is Br, .*2 elements this model of"):
        twin.predict_structure(bulk("NaBr", "rocksalt", a=5.97))


def test_saving_a_model_leaves_it_as_it_was(model, tmp_path):
    before = {name: value.clone() for name, value in model.state_dict().items()}
    model.save(tmp_path)
    model.save(tmp_path)  # over the old one
    assert all(
        torch.equal(before[name], value) for name, value in model.state_dict().items()
    )
