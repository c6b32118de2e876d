"""A run starts from the weights of another model, but not from its scale."""

import numpy as np
import pytest
import torch
from ase.build import bulk

from ase_orbital import OneHot, load_model
from ase_orbital.errors import ModelError
from ase_orbital.training import train

SALTS = [
    bulk(metal + halogen, "rocksalt", a=a)
    for metal in ("Li", "Na", "K")
    for halogen in ("F", "Cl", "Br")
    for a in np.linspace(4.8, 6.4, 5)
]
LENGTHS = [float(np.linalg.norm(salt.cell[0])) for salt in SALTS]
TINY = {
    "batch_size": 16, "progress": False, "accelerator": "cpu", "averaging": 0.0,
    "sizes": (1.0, 0.0, 0.0), "network_settings": {"n_hidden": 8},
}  # fmt: skip
STILL = {"epochs": 1, "first_rate": 1e-12, "learning_rate": 1e-12, "last_rate": 1e-12}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("first")
    run = train((SALTS, LENGTHS), folder, property_name="length", epochs=8, **TINY)
    return run.folder / "model"


def weights(model):
    return dict(model.named_parameters())


def test_weights_are_transferred_and_scales_are_not(trained, tmp_path):
    doubled = [2.0 * length for length in LENGTHS]
    run = train(
        (SALTS, doubled), tmp_path, property_name="double", start_from=str(trained),
        **TINY, **STILL,
    )  # fmt: skip
    other = load_model(trained)
    for name, value in weights(run.model).items():
        torch.testing.assert_close(value, weights(other)[name])
    assert float(run.model.target_scale) == pytest.approx(2 * float(other.target_scale))


def test_classes_keep_their_own_output_layer(trained, tmp_path):
    run = train(
        (SALTS, LENGTHS), tmp_path, property_name="long", at_most=4.0,
        start_from=str(trained), **TINY, **STILL,
    )  # fmt: skip
    other, own = weights(load_model(trained)), weights(run.model)
    torch.testing.assert_close(own["embedding.weight"], other["embedding.weight"])
    assert own["output.weight"].shape == (2, 128)


def test_each_member_starts_from_its_own_member(tmp_path):
    pair = train((SALTS, LENGTHS), tmp_path / "pair", epochs=1, **TINY, members=2)
    run = train(
        (SALTS, LENGTHS), tmp_path / "next", start_from=str(tmp_path / "pair" / "model"),
        **TINY, **STILL, members=3,
    )  # fmt: skip
    for index, member in enumerate(run.model.members):
        for name, value in weights(member).items():
            other = weights(pair.model.members[index % 2])[name]
            torch.testing.assert_close(value, other)


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"network_settings": {"n_hidden": 9}}, "do not fit"),
        ({"network_settings": {"descriptor": OneHot().to_settings()}}, "OneHot"),
        ({"network": "OCrystalNet"}, "OCrystalNet"),
    ],
)
def test_weights_that_do_not_fit_are_refused(trained, tmp_path, changed, named):
    with pytest.raises(ModelError, match=named):
        train((SALTS, LENGTHS), tmp_path, start_from=str(trained), **TINY | STILL | changed)


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(ModelError, match="no model to start from"):
        train((SALTS, LENGTHS), tmp_path, start_from="nowhere", **TINY, **STILL)
