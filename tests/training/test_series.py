"""Series of runs share their settings and features, and fill one table."""

import csv

import pytest

from ase_orbital.errors import SettingError
from ase_orbital.training import TrainingSettings
from ase_orbital.training.module import TrainingModule
from ase_orbital.training.series import train_series

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
