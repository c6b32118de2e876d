"""Settings survive every form they are written in, and invalid ones are named."""

import json
import subprocess
import sys

import numpy as np
import pytest

from ase_orbital.errors import SettingError
from ase_orbital.training import TrainingSettings
from ase_orbital.training.settings import MACHINE

# A value other than the default for every setting, as plain as a file has it.
OTHERS = {
    "property_name": "refractive_index", "column": "n", "unit": "1", "transform": "log10",
    "format": "extxyz", "at_most": None, "id": "name",
    "split": "formula", "sizes": [60, 8, 8], "test_column": "held_out", "most_atoms": 20,
    "network": "OCrystalNet", "network_settings": {"n_hidden": 8},
    "start_from": "runs/first/model", "new_readout": True, "trunk_rate": 0.25,
    "frozen_layers": 1, "members": 3,
    "epochs": 7, "batch_size": 5, "loss": "huber", "class_weights": False,
    "optimizer": "adamw", "learning_rate": 0.5, "schedule": "milestones", "warm_up": 0.5,
    "first_rate": 0.25, "last_rate": 0.125, "milestones": [0.5], "weight_decay": 0.75,
    "clip": 2.5, "averaging": 0.0, "patience": 4, "seed": 9, "accelerator": "cpu",
    "devices": 2, "precision": "bf16-mixed", "compile": True, "workers": 6,
    "progress": False, "group_column": "parent", "weight_column": "importance",
    "difference_weight": 0.5, "copies_per_epoch": 2, "augmentation": 3,
    "augmentation_displacement": 0.5, "augmentation_strain": 0.25,
}  # fmt: skip
CLASSES = {"property_name": "metal_probability", "at_most": 0.125}

TOML = """
property_name = "band_gap"
sizes = [60, 8, 8]
learning_rate = 0.5
progress = false

[network_settings]
n_hidden = 8
"""


def test_every_setting_has_another_value_here():
    assert OTHERS.keys() == TrainingSettings.model_fields.keys()


def test_settings_survive_plain_values():
    settings = TrainingSettings(**OTHERS)
    plain = settings.to_dict()
    assert plain == OTHERS
    assert json.loads(json.dumps(plain)) == plain
    assert TrainingSettings(**plain) == settings
    assert TrainingSettings(**CLASSES).to_dict().items() >= CLASSES.items()


def test_defaults_and_papers_survive_plain_values():
    for settings in (TrainingSettings(), TrainingSettings.paper("OCrystalNet")):
        assert TrainingSettings(**settings.to_dict()) == settings


def test_settings_are_read_from_a_json_file(tmp_path):
    path = tmp_path / "settings.json"
    path.write_text(json.dumps(OTHERS))
    assert TrainingSettings.from_file(path) == TrainingSettings(**OTHERS)


def test_changes_go_on_top_of_a_toml_file(tmp_path):
    path = tmp_path / "settings.toml"
    path.write_text(TOML)
    settings = TrainingSettings.from_file(path, epochs=3, learning_rate=0.1)
    assert settings == TrainingSettings(
        property_name="band_gap", sizes=(60, 8, 8), learning_rate=0.1, progress=False,
        network_settings={"n_hidden": 8}, epochs=3,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("absent.toml", None),
        ("bad.toml", "epochs = = 3"),
        ("bad.json", "{"),
        ("list.json", "[1, 2]"),
        ("number.json", "3"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path, name, content):
    if content is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises(SettingError, match=name):
        TrainingSettings.from_file(tmp_path / name)


@pytest.mark.parametrize(
    ("wrong", "right"), [("lerning_rate", "learning_rate"), ("epoch", "epochs")]
)
def test_an_unknown_name_gets_the_nearest(wrong, right):
    with pytest.raises(SettingError, match=f"{wrong!r}; did you mean {right}"):
        TrainingSettings(**{wrong: 1})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("network", "EOSnet"), ("loss", "l1"), ("optimizer", "sgd"), ("schedule", "step"),
        ("precision", "64-true"), ("epochs", 0), ("epochs", 2.5), ("epochs", "3"),
        ("epochs", True), ("batch_size", -1), ("members", 0), ("devices", 0),
        ("workers", 0), ("patience", 0), ("most_atoms", 0), ("learning_rate", 0.0),
        ("learning_rate", float("nan")), ("learning_rate", "fast"), ("clip", -1.0),
        ("first_rate", -1e-4), ("weight_decay", -0.1), ("seed", -1), ("seed", 0.5),
        ("warm_up", 1.0), ("warm_up", -0.1), ("averaging", 1.0), ("averaging", None),
        ("sizes", (0.8, 0.2)), ("sizes", (0.0, 0.5, 0.5)), ("sizes", (0.8, -0.1, 0.1)),
        ("sizes", (0.8, 0.2, 0.1)), ("sizes", 0.8), ("sizes", ("a", "b", "c")),
        ("milestones", 0.5), ("network_settings", [1]), ("compile", "yes"),
        ("property_name", None), ("at_most", "zero"),
    ],
)  # fmt: skip
def test_an_invalid_value_is_named_in_one_line(name, value):
    with pytest.raises(SettingError, match=rf"^{name} must .*, not .*$") as caught:
        TrainingSettings(**{name: value})
    assert "\n" not in str(caught.value)


def test_an_error_says_what_the_value_must_be():
    with pytest.raises(SettingError) as caught:
        TrainingSettings(epochs=0, network="CGCNN", seed="a")
    assert str(caught.value) == (
        "network must be 'EOSNet' or 'OCrystalNet', not 'CGCNN'; "
        "epochs must be greater than 0, not 0; "
        "seed must be a valid integer, not 'a'"
    )


def test_settings_cannot_be_changed():
    settings = TrainingSettings()
    with pytest.raises(ValueError, match="frozen"):
        settings.epochs = 3
    assert settings == TrainingSettings()


def test_the_package_is_imported_without_what_only_runs_need():
    code = "import sys, ase_orbital.training; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True,
                          check=True)  # fmt: skip
    assert {"pydantic", "torch", "lightning"}.isdisjoint(done.stdout.split())


def test_an_invalid_transform_is_named():
    with pytest.raises(SettingError, match="transform must be identity or log10"):
        TrainingSettings(network_settings={"transform": "log"})


def test_classes_of_a_property_that_is_a_number_are_refused():
    with pytest.raises(SettingError, match="at_most makes classes, and band_gap"):
        TrainingSettings(property_name="band_gap", at_most=0.0)


def test_the_property_decides_target_transform_and_classes():
    assert TrainingSettings(property_name="bulk_modulus").target_transform == "log10"
    assert TrainingSettings(property_name="band_gap").target_transform == "identity"
    assert TrainingSettings(property_name="band_gap", column="gap").target == "gap"
    assert TrainingSettings(property_name="metal_probability").classes
    assert TrainingSettings(property_name="mine", at_most=1.0).classes
    assert not TrainingSettings(property_name="mine").classes


def test_the_papers_have_no_averaging_and_exactly_the_nearest_neighbors():
    for network in ("EOSNet", "OCrystalNet"):
        settings = TrainingSettings.paper(network)
        assert settings.network == network
        assert settings.averaging == 0.0
        assert settings.batch_size == 64
        assert settings.network_settings == {"smoothing": None}


def test_the_papers_numbers():
    eosnet, ocrystalnet = map(TrainingSettings.paper, ("EOSNet", "OCrystalNet"))
    assert (eosnet.epochs, eosnet.learning_rate) == (500, 1e-3)
    assert eosnet.warm_up * eosnet.epochs == pytest.approx(20)
    assert [share * 500 for share in eosnet.milestones] == pytest.approx([120, 220, 420])
    assert (eosnet.first_rate, eosnet.clip, eosnet.loss) == (1e-4, 1.0, "mse")
    assert eosnet.patience == eosnet.epochs  # keeps the best epoch, and never stops
    assert ocrystalnet.epochs == 50
    assert ocrystalnet.warm_up * 50 == pytest.approx(2)
    rates = [ocrystalnet.first_rate, ocrystalnet.learning_rate, ocrystalnet.last_rate]
    assert rates == [1e-4, 3e-4, 1e-5]


def test_changes_go_on_top_of_a_paper():
    settings = TrainingSettings.paper(
        "EOSNet", epochs=3, network_settings={"n_hidden": 8, "smoothing": 0.1}
    )
    assert settings.epochs == 3
    assert settings.network_settings == {"n_hidden": 8, "smoothing": 0.1}


def test_the_machine_makes_no_difference_between_runs():
    machine = {name: OTHERS[name] for name in MACHINE}
    assert TrainingSettings().differences(TrainingSettings(**machine)) == []
    differing = TrainingSettings().differences(TrainingSettings(**OTHERS))
    assert set(differing) == OTHERS.keys() - set(MACHINE) - {"at_most"}


def test_members_differ_in_their_seeds_only():
    settings = TrainingSettings(members=3, seed=5)
    member = settings.of_member(2)
    assert (member.members, member.seed) == (1, 7)
    assert member.differences(settings) == ["members", "seed"]


def test_numbers_of_numpy_are_numbers():
    settings = TrainingSettings(
        epochs=np.int64(3), seed=np.int64(2), learning_rate=np.float32(0.5),
        sizes=[np.int64(4), 2, np.int32(1)],
    )  # fmt: skip
    assert json.loads(json.dumps(settings.to_dict()))["epochs"] == 3
    assert settings.sizes == (4, 2, 1)


@pytest.mark.parametrize(
    ("name", "value"),
    [("sizes", (float("nan"), 0.1, 0.1)), ("seed", 10**30), ("seed", -1)],
)
def test_absurd_numbers_are_refused_by_name(name, value):
    with pytest.raises(SettingError, match=name):
        TrainingSettings(**{name: value})


def test_few_crystals_have_more_networks():
    assert TrainingSettings().of_size(2_000).members == 3
    assert TrainingSettings().of_size(2_001).members == 1
    assert TrainingSettings(members=2).of_size(10).members == 2


def test_unit_and_transform_of_an_own_property():
    own = TrainingSettings(property_name="hardness", unit="GPa", transform="log10")
    assert (own.target_unit, own.target_transform) == ("GPa", "log10")
    older = TrainingSettings(network_settings={"transform": "log10"})
    assert older.target_transform == "log10"
    with pytest.raises(SettingError, match="unit is kbar, and that of bulk_modulus is GPa"):
        TrainingSettings(property_name="bulk_modulus", unit="kbar")


@pytest.mark.parametrize("limit", [float("nan"), float("inf")])
def test_limits_of_classes_are_finite(limit):
    with pytest.raises(SettingError, match="at_most must be a finite number"):
        TrainingSettings(property_name="mine", at_most=limit)


@pytest.mark.parametrize("name", ["error", "in_domain", "domain_excess", "band_gap_std"])
def test_names_of_other_columns_are_no_properties(name):
    with pytest.raises(SettingError, match=f"property_name is '{name}', which predictions"):
        TrainingSettings(property_name=name)
    assert TrainingSettings(property_name="mine", column=name).target == name
