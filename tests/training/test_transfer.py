"""A run starts from the weights of another model, but not from its scale."""

import numpy as np
import pytest
import torch
from ase.build import bulk

from ase_orbital import Concatenate, OneHot, OrientationalOrder, load_model
from ase_orbital.errors import ModelError, SettingError
from ase_orbital.training import TrainingSettings, train
from ase_orbital.training.distortions import rattled
from ase_orbital.training.transfer import with_network_of_start

SALTS = [
    bulk(metal + halogen, "rocksalt", a=a)
    for metal in ("Li", "Na", "K")
    for halogen in ("F", "Cl", "Br")
    for a in np.linspace(4.8, 6.4, 5)
]
LENGTHS = [float(np.linalg.norm(salt.cell[0])) for salt in SALTS]
TINY = {
    "batch_size": 16, "members": 1, "progress": False, "accelerator": "cpu",
    "averaging": 0.0, "sizes": (1.0, 0.0, 0.0), "network_settings": {"n_hidden": 8},
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


def test_features_that_the_start_lacks_begin_without_weight(trained, tmp_path):
    parts = load_model(trained).descriptor.parts
    wider = Concatenate(*parts, OrientationalOrder(n_orders=4)).to_settings()
    run = train(
        (SALTS, LENGTHS), tmp_path, property_name="length", start_from=str(trained),
        **TINY | {"network_settings": {"descriptor": wider}}, **STILL,
    )  # fmt: skip
    other, own = load_model(trained), run.model
    assert own.n_features == other.n_features + 4
    torch.testing.assert_close(
        own.embedding.weight[:, :-4], other.embedding.weight, atol=1e-6, rtol=1e-5
    )
    torch.testing.assert_close(own.embedding.weight[:, -4:], torch.zeros(8, 4))
    for salt in SALTS[:3]:
        expected = float(other.predict_structure(salt))
        assert float(own.predict_structure(salt)) == pytest.approx(expected, rel=1e-4)


def test_features_in_front_of_those_of_the_start_are_refused(trained):
    parts = load_model(trained).descriptor.parts
    descriptor = Concatenate(OrientationalOrder(), *parts).to_settings()
    with pytest.raises(SettingError, match="the descriptor is"):
        with_network_of_start(
            TrainingSettings(
                start_from=str(trained), network_settings={"descriptor": descriptor}
            )
        )


@pytest.fixture(scope="module")
def distorted(tmp_path_factory):
    """A model that was trained on distorted copies, too."""
    crystals, random = [], np.random.default_rng(0)
    for index, salt in enumerate(SALTS):
        for name, amplitude in (("crystal", 0.0), ("copy", 0.2)):
            atoms = rattled(salt * (2, 1, 1), amplitude, random)
            atoms.info = {"id": f"{index}-{name}", "group": str(index), "length": 1.0}
            if amplitude:
                atoms.info["relaxation_energy_per_atom"] = 0.3
            crystals.append(atoms)
    lengths = [at.info["length"] for at in crystals]
    changes = {"sizes": (0.8, 0.2, 0.0), "group_column": "group", "epochs": 2}
    run = train(
        (crystals, lengths), tmp_path_factory.mktemp("distorted"),
        property_name="length", **TINY | changes,
    )  # fmt: skip
    return run.folder / "model"


def test_the_relaxation_energy_is_that_of_the_start(distorted, tmp_path):
    settings = TINY | {"sizes": (0.8, 0.2, 0.0), "epochs": 1, "start_from": str(distorted)}
    run = train((SALTS, LENGTHS), tmp_path / "same", property_name="length", **settings)
    uncertainty = run.model.uncertainty
    assert not uncertainty.distorted  # no errors of distorted crystals are known
    start = load_model(distorted).uncertainty
    assert start.distorted
    for name, value in start.relaxation.state_dict().items():
        torch.testing.assert_close(uncertainty.relaxation.state_dict()[name], value)
    again = load_model(run.folder / "model").uncertainty
    assert float(again.limits[1]) == float(uncertainty.limits[1]) < np.inf


@pytest.mark.parametrize("change", ["descriptor", "elements"])
def test_a_relaxation_energy_of_other_graphs_is_not_taken(distorted, tmp_path, change):
    settings = TINY | {"sizes": (0.8, 0.2, 0.0), "epochs": 1, "start_from": str(distorted)}
    structures = list(SALTS)
    if change == "descriptor":
        parts = load_model(distorted).descriptor.parts
        wider = Concatenate(*parts, OrientationalOrder(n_orders=2)).to_settings()
        settings["network_settings"] = {"descriptor": wider}
    else:
        structures[:5] = [bulk("RbF", "rocksalt", a=a) for a in np.linspace(5.0, 6.0, 5)]
    run = train((structures, LENGTHS), tmp_path, property_name="length", **settings)
    assert run.model.uncertainty.relaxation is None


def test_classes_keep_their_own_output_layer(trained, tmp_path):
    run = train(
        (SALTS, LENGTHS), tmp_path, property_name="long", at_most=4.0,
        start_from=str(trained), **TINY, **STILL,
    )  # fmt: skip
    other, own = weights(load_model(trained)), weights(run.model)
    torch.testing.assert_close(own["embedding.weight"], other["embedding.weight"])
    assert own["output.weight"].shape == (2, 128)


def test_each_member_starts_from_its_own_member(tmp_path):
    pair = train((SALTS, LENGTHS), tmp_path / "pair", epochs=1, **TINY | {"members": 2})
    run = train(
        (SALTS, LENGTHS), tmp_path / "next", start_from=str(tmp_path / "pair" / "model"),
        **TINY | STILL | {"members": 3},
    )  # fmt: skip
    for index, member in enumerate(run.model.members):
        for name, value in weights(member).items():
            other = weights(pair.model.members[index % 2])[name]
            torch.testing.assert_close(value, other)


def no_reading(*_):
    raise AssertionError("the crystals were read first")


@pytest.mark.parametrize(
    ("changed", "error", "named"),
    [
        ({"network_settings": {"n_hidden": 9}}, SettingError, "n_hidden is 9, and 8 there"),
        (
            {"network_settings": {"descriptor": OneHot().to_settings()}},
            SettingError,
            "the descriptor is OneHot",
        ),
        ({"network": "OCrystalNet"}, SettingError, "network is OCrystalNet, and"),
        ({"frozen_layers": 5}, SettingError, "EOSNet has 4 layers before its read-out"),
        ({"start_from": "nowhere"}, ModelError, "there is no model or folder 'nowhere'"),
    ],
)
def test_contradictions_are_found_before_the_crystals_are_read(
    trained, tmp_path, monkeypatch, changed, error, named
):
    monkeypatch.setattr("ase_orbital.training.run.prepare", no_reading)
    settings = {"start_from": str(trained)} | TINY | STILL | changed
    with pytest.raises(error, match=named):
        train((SALTS, LENGTHS), tmp_path / "run", **settings)
    assert not (tmp_path / "run").exists()


PLAIN = {name: value for name, value in TINY.items() if name != "network_settings"}


def test_the_starting_model_gives_network_and_size(trained, tmp_path):
    settings = {"start_from": str(trained), **PLAIN, **STILL}
    run = train((SALTS, LENGTHS), tmp_path, **settings)
    assert run.model.hyperparameters["n_hidden"] == 8
    written = TrainingSettings.from_file(tmp_path / "settings.json")
    assert written.network_settings == {"n_hidden": 8}
    train((SALTS, LENGTHS), tmp_path, TrainingSettings(**settings))  # the same run


def test_a_shipped_model_is_a_start_by_name():
    given = TrainingSettings(
        start_from="ocrystalnet-band-gap-mp2018", network_settings={"dropout": 0.1}
    )
    found = with_network_of_start(given)
    assert (found.network, found.network_settings) == ("OCrystalNet", {"dropout": 0.1})
    deep = TrainingSettings(start_from="eosnet-band-gap-mp2018")
    size = {"n_hidden": 128, "n_convolutions": 4}
    assert with_network_of_start(deep).network_settings == size


@pytest.mark.parametrize(
    ("change", "kept"),
    [
        ({"frozen_layers": 2}, ["embedding", "convolutions.0"]),
        ({"trunk_rate": 0.0}, ["embedding", "convolutions"]),
    ],
)
def test_layers_without_a_rate_keep_their_weights(trained, tmp_path, change, kept):
    settings = {"start_from": str(trained), "epochs": 2, **PLAIN, **change}
    run = train((SALTS, LENGTHS), tmp_path, **settings)
    before = weights(load_model(trained))
    equal = {
        name for name, at in weights(run.model).items() if torch.equal(at, before[name])
    }
    assert equal == {name for name in before if name.startswith(tuple(kept))}


@pytest.mark.parametrize("name", ["length", "mine"])
def test_the_readout_is_new_if_asked_for(trained, tmp_path, name):
    new = {"property_name": name, "new_readout": True}
    settings = {"start_from": str(trained), **new, **PLAIN, **STILL}
    own = weights(train((SALTS, LENGTHS), tmp_path, **settings).model)
    for name, before in weights(load_model(trained)).items():
        new = name.startswith(("readout", "output"))
        assert torch.allclose(own[name], before) != new, name


def test_ways_to_start_need_a_start():
    with pytest.raises(SettingError, match="need a model in start_from"):
        TrainingSettings(frozen_layers=1)
