"""The models as models of matgl."""

import pickle

import matgl
import pytest
import torch
from ase.build import bulk
from matgl.models import MatGLModel

from ase_orbital import OneHot, load_model
from ase_orbital.models import Ensemble, EOSNet, OCrystalNet
from ase_orbital.models import matgl as as_matgl

SALT = bulk("NaCl", "rocksalt", a=5.64)
MODELS = {
    "EOSNet": lambda: EOSNet(OneHot(), n_hidden=4),
    "OCrystalNet": lambda: OCrystalNet(OneHot(), n_hidden=4),
    "Ensemble": lambda: Ensemble([EOSNet(OneHot(), n_hidden=4) for _ in range(2)]),
}


@pytest.fixture(params=MODELS)
def model(request):
    torch.manual_seed(0)
    return MODELS[request.param]().eval()


@pytest.fixture
def opened(model, tmp_path):
    model.save(tmp_path / "model")
    return matgl.load_model(tmp_path / "model").eval()


def test_matgl_opens_a_model_of_matgl(opened, model):
    assert isinstance(opened, MatGLModel)
    assert isinstance(opened, type(model))
    assert type(opened) is getattr(as_matgl, type(model).__name__)
    assert torch.equal(opened.predict_structure(SALT), model.predict_structure(SALT))


def test_the_package_opens_the_same_folder_without_matgl(opened, model, tmp_path):
    loaded = load_model(tmp_path / "model")
    assert type(loaded) is type(model)
    assert torch.equal(loaded.predict_structure(SALT), opened.predict_structure(SALT))


def test_an_opened_model_is_saved_and_pickled_like_any_other(opened, tmp_path):
    opened.save(tmp_path / "again")
    expected = opened.predict_structure(SALT)
    for copy in (
        matgl.load_model(tmp_path / "again").eval(),
        load_model(tmp_path / "again"),
        pickle.loads(pickle.dumps(opened)),
    ):
        assert torch.equal(copy.predict_structure(SALT), expected)


def test_arguments_are_found_where_matgl_looks_for_them(opened):
    twin = type(opened)(**opened._init_args)
    twin.load_state_dict(opened.state_dict())
    assert torch.equal(twin.predict_structure(SALT), opened.predict_structure(SALT))
