"""Series of runs share their crystals, settings and features, and fill one table."""

import csv
import math

import numpy as np
import pytest

from ase_orbital.errors import DataError, SettingError
from ase_orbital.training import (
    TrainingSettings,
    ablate,
    cross_validate,
    learning_curve,
    run,
)
from ase_orbital.training.module import TrainingModule
from ase_orbital.training.series import DESCRIPTORS, LEARNING_RATES, train_series
from ase_orbital.training.splits import Split

VARIANTS = [
    ({"change": "mean error"}, {"loss": "mae"}),
    ({"change": "squared/large"}, {"loss": "mse", "batch_size": 16}),
]


@pytest.fixture(scope="module")
def series(salts, quick, tmp_path_factory):
    """Folder, settings and rows of a series of two short runs."""
    folder = tmp_path_factory.mktemp("series") / "new"
    settings = TrainingSettings(**quick | {"epochs": 1})
    return folder, settings, train_series(salts, folder / "table.csv", settings, VARIANTS)


def test_each_run_changes_its_settings_and_shares_the_others(series):
    folder, settings, _ = series
    first, second = (
        TrainingSettings.from_file(folder / name / "settings.json")
        for name in ("mean-error", "squared-large")
    )
    assert first.differences(settings) == []
    assert second.differences(settings) == ["batch_size", "loss"]


def test_the_table_has_labels_metrics_and_minutes(series):
    folder, _, rows = series
    with (folder / "table.csv").open(newline="") as file:
        written = list(csv.DictReader(file))
    assert [row["change"] for row in written] == ["mean error", "squared/large"]
    assert [float(row["mae"]) for row in written] == [row["mae"] for row in rows]
    assert {row["set"] for row in written} == {"test"}
    assert all(float(row["minutes"]) > 0 for row in written)


def test_all_runs_share_the_features(series):
    folder, _, _ = series
    assert len(list(folder.rglob("*.npz"))) == 1


def test_finished_runs_are_not_repeated(series, salts, monkeypatch):
    folder, settings, rows = series

    def refuse(*_):
        raise AssertionError("a finished run was repeated")

    monkeypatch.setattr(TrainingModule, "training_step", refuse)
    assert train_series(salts, folder / "table.csv", settings, VARIANTS) == rows


def test_an_invalid_change_is_refused(series, salts):
    folder, settings, _ = series
    with pytest.raises(SettingError, match="epochs"):
        train_series(salts, folder / "other.csv", settings, [({"n": 1}, {"epochs": 0})])


def test_each_network_is_trained_on_each_descriptor_once(
    salts, quick, tmp_path, monkeypatch
):
    for drawing in ("draw_evaluation", "draw_history"):
        monkeypatch.setattr(run, drawing, lambda *_: None)
    changes = {"epochs": 1, "network_settings": {"n_hidden": 4}, "sizes": [6, 0, 6]}
    settings = TrainingSettings(**quick | changes)
    source = salts[0][:12], np.array(salts[1][:12])
    table = ablate(source, tmp_path, settings)
    assert [(row["network"], row["descriptor"]) for row in table] == [
        (network, name) for network in LEARNING_RATES for name in DESCRIPTORS
    ]
    assert len(table) == 2 * 6
    assert all(row["set"] == "test" and math.isfinite(row["mae"]) for row in table)
    n_features = {row["descriptor"]: row["n_features"] for row in table}
    expected = {name: kind.n_features for name, kind in DESCRIPTORS.items()}
    assert n_features == expected
    assert n_features["OFM-feature"] == n_features["OFM"] + n_features["elemental"]
    with (tmp_path / "ablation.csv").open(newline="") as file:
        written = list(csv.DictReader(file))
    assert [float(row["mae"]) for row in written] == [row["mae"] for row in table]
    splits = [Split.load(path) for path in tmp_path.glob("*/split.json")]
    assert len(splits) == 12
    assert all(split == splits[0] for split in splits)

    def refuse(*_):
        raise AssertionError("a finished run was repeated")

    monkeypatch.setattr(TrainingModule, "training_step", refuse)
    assert ablate(source, str(tmp_path), settings) == table


def test_training_sets_are_nested_and_share_the_test_set(salts, quick, tmp_path):
    settings = TrainingSettings(**quick | {"epochs": 2})
    errors = learning_curve(
        salts, tmp_path, settings, sizes=[40, 10], n_test=12, networks=["EOSNet"]
    )
    assert len(errors["EOSNet"]) == 2
    small, large = (
        Split.load(tmp_path / f"EOSNet-{size}" / "split.json") for size in (10, 40)
    )
    assert (len(small.train), len(large.train)) == (10, 40)
    assert set(small.train) < set(large.train)
    assert small.test == large.test
    with (tmp_path / "learning-curve.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert [row["n_train"] for row in table] == ["10", "40"]
    assert [row["set"] for row in table] == ["test", "test"]
    assert [float(row["mae"]) for row in table] == errors["EOSNet"]
    assert (tmp_path / "learning-curve.png").is_file()


def test_classes_have_no_learning_curve(salts, tmp_path):
    settings = TrainingSettings(property_name="mine", at_most=1.0)
    with pytest.raises(SettingError, match="not classes"):
        learning_curve(salts, tmp_path, settings, sizes=[10], n_test=5)


def test_each_crystal_is_in_one_test_set(salts, quick, tmp_path):
    settings = TrainingSettings(**quick | {"epochs": 1})
    rows = cross_validate(salts, tmp_path, settings, 3)
    assert [row["n"] for row in rows] == [20, 20, 20]
    with (tmp_path / "predictions.csv").open(newline="") as file:
        names = [row["id"] for row in csv.DictReader(file)]
    assert sorted(names) == sorted(atoms.info["id"] for atoms in salts[0])
    splits = [Split.load(tmp_path / f"fold-{number}.json") for number in (1, 2, 3)]
    assert [len(split.validation) for split in splits] == [4, 4, 4]


@pytest.mark.parametrize("change", [{"split": "megnet"}, {"test_column": "new"}])
def test_folds_draw_their_own_test_sets(salts, quick, tmp_path, change):
    with pytest.raises(SettingError, match="draws the test sets itself"):
        cross_validate(salts, tmp_path, TrainingSettings(**quick | change))


def test_other_folds_are_refused_in_the_same_folder(salts, quick, tmp_path):
    settings = TrainingSettings(**quick | {"epochs": 1})
    cross_validate(salts, tmp_path, settings, 2)
    before = Split.load(tmp_path / "fold-1.json")
    with pytest.raises(DataError, match=r"holds a cross-validation of .* \(2 of them\); g"):
        cross_validate(salts, tmp_path, settings, 3)
    assert Split.load(tmp_path / "fold-1.json") == before
    assert len(cross_validate(salts, tmp_path, settings, 2)) == 2


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"n_test": 0}, "n_test must be"),
        ({"sizes": []}, "at least one size"),
        ({"networks": ["Foo"]}, "no network 'Foo'; choose from EOSNet"),
    ],
)
def test_learning_curves_without_sense_are_refused(salts, quick, tmp_path, changes, words):
    given = {"sizes": [10], "n_test": 5} | changes
    with pytest.raises(SettingError, match=words):
        learning_curve(salts, tmp_path, TrainingSettings(**quick), **given)
