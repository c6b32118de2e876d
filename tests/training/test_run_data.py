"""The record of what a run was trained on."""

from dataclasses import replace

import pytest
from ase.build import bulk

from ase_orbital.errors import DataError
from ase_orbital.training import TrainingSettings
from ase_orbital.training.dataset import read_dataset
from ase_orbital.training.run_data import FILE, changes_of_data, checksums, save_data

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
