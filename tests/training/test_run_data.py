"""The record of what a run was trained on."""

import json
from dataclasses import replace

import numpy as np
import pytest
from ase.build import bulk

from ase_orbital.errors import DataError
from ase_orbital.training import TrainingSettings
from ase_orbital.training.dataset import read_dataset
from ase_orbital.training.run_data import (
    FILE,
    changes_of_data,
    checksums,
    save_data,
    sets_of_run,
)
from ase_orbital.training.splits import Split
from ase_orbital.zoo.folders import FILES, model_folder

GAP = TrainingSettings(property_name="gap")


@pytest.fixture
def dataset():
    return read_dataset(([bulk("Cu"), bulk("Al"), bulk("Au")], [1.0, 2.0, 3.0]), GAP)


def test_the_same_data_have_no_changes_in_any_order(dataset, tmp_path):
    assert changes_of_data(dataset, tmp_path) == ""
    save_data(dataset, tmp_path)
    assert changes_of_data(dataset.select(["2", "0", "1"]), tmp_path) == ""


@pytest.mark.parametrize("name", ["targets", "weights", "relaxation"])
def test_every_number_counts(dataset, tmp_path, name):
    save_data(dataset, tmp_path)
    values = getattr(dataset, name).copy()
    values[1] = 0.5
    changed = replace(dataset, **{name: values})
    assert changes_of_data(changed, tmp_path) == "1 changed (such as 1)"


def test_every_structure_counts(dataset, tmp_path):
    save_data(dataset, tmp_path)
    dataset.structures[2].rattle(1e-10)
    assert changes_of_data(dataset, tmp_path) == "1 changed (such as 2)"
    fewer = dataset.select(["0"])
    assert changes_of_data(fewer, tmp_path) == "2 absent (such as 1)"


def test_a_damaged_record_is_named(dataset, tmp_path):
    (tmp_path / FILE).write_text("[1")
    with pytest.raises(DataError, match=r"data\.json is damaged"):
        changes_of_data(dataset, tmp_path)
    assert len(set(checksums(dataset).values())) == 3


def test_only_the_same_crystals_are_in_the_sets_of_a_run(dataset, tmp_path):
    model = tmp_path / "model"
    model.mkdir()
    for name in FILES:
        (model / name).touch()
    assert sets_of_run(dataset, model) == {}
    save_data(dataset, tmp_path)
    Split(["0"], ["1"], ["2"]).save(tmp_path / "split.json")
    assert sets_of_run(dataset, model) == {
        "train": ["0"],
        "validation": ["1"],
        "test": ["2"],
    }
    other = replace(dataset, targets=np.array([1.0, 2.0, 4.0]))
    assert sets_of_run(other, model)["test"] == []


def test_the_test_set_of_a_shipped_model_is_known(dataset):
    name = "eosnet-band-gap-mp2018"
    ids = json.loads((model_folder(name) / "test-ids.json").read_text())
    found = sets_of_run(replace(dataset, ids=[ids[0], "mine", "yours"]), name)
    assert found == {"test": [ids[0]]}
    assert sets_of_run(dataset, "no model") == {}
