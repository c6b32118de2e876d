"""The ablation trains every network on every descriptor, with the same crystals."""

import csv
import math

import numpy as np

from ase_orbital.training import TrainingSettings, ablate, run
from ase_orbital.training.ablation import DESCRIPTORS, LEARNING_RATES
from ase_orbital.training.module import TrainingModule
from ase_orbital.training.splits import Split


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
