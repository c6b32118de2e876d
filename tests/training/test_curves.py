"""Learning curves have nested training sets and one test set."""

import csv

import pytest

from ase_orbital.errors import SettingError
from ase_orbital.training import TrainingSettings, learning_curve
from ase_orbital.training.splits import Split


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
