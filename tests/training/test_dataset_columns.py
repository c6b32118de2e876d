"""Columns that the settings name and the data lack are reported once."""

import pytest
from ase.build import bulk
from ase.io import write

from ase_orbital.errors import DataError
from ase_orbital.training import TrainingSettings
from ase_orbital.training.dataset import read_dataset


def make():
    crystals = [bulk(name, "rocksalt", a=5.0) for name in ("LiF", "NaCl", "KBr")]
    for number, atoms in enumerate(crystals):
        atoms.info.update(id=f"salt-{number}", gap=4.0 + number)
    return crystals


@pytest.mark.parametrize(
    ("change", "setting"),
    [({"column": "gaps"}, "column"), ({"id": "mpid"}, "id"),
     ({"test_column": "new"}, "test_column"), ({"weight_column": "mass"}, "weight_column")],
)  # fmt: skip
def test_a_missing_column_is_named_with_those_there_are(tmp_path, change, setting, caplog):
    write(tmp_path / "data.extxyz", make())
    settings = TrainingSettings(**{"column": "gap"} | change)
    (name,) = change.values()
    with pytest.raises(DataError, match=f"no '{name}', .* setting {setting}.* id, gap"):
        read_dataset(tmp_path / "data.extxyz", settings)
    assert not caplog.text


def test_a_format_can_be_named(tmp_path):
    write(tmp_path / "data", make(), format="extxyz")
    settings = TrainingSettings(column="gap", format="extxyz")
    assert read_dataset(tmp_path / "data", settings).targets.tolist() == [4.0, 5.0, 6.0]


@pytest.mark.parametrize("missing", [None, "", float("nan")])
def test_empty_fields_are_missing_values(missing):
    """A crystal without a group is its own group, and has weight 1."""
    names = {"id": [None, "a", "b"], "group": ["pair", missing, missing]}
    numbers = {
        "weight": [2.0, missing, missing],
        "relaxation_energy_per_atom": [missing] * 3,
    }
    columns = {"structure": make(), "gap": [1.0, 2.0, 3.0], **names, **numbers}
    found = read_dataset(columns, TrainingSettings(column="gap"))
    assert found.groups == ["pair", "a", "b"]
    assert found.weights.tolist() == [2.0, 1.0, 1.0]
    assert not found.rejected


def test_weights_that_are_all_zero_are_refused():
    columns = {"structure": make(), "gap": [1.0, 2.0, 3.0], "weight": [0.0] * 3}
    with pytest.raises(DataError, match="the weight of all crystals is 0"):
        read_dataset(columns, TrainingSettings(column="gap"))


@pytest.mark.parametrize(("offset", "warned"), [(1e9, True), (1e3, False), (0.0, False)])
def test_targets_that_single_precision_cannot_tell_apart_are_named(offset, warned, caplog):
    columns = {"structure": make(), "gap": [offset + step for step in (0.0, 0.5, 1.0)]}
    read_dataset(columns, TrainingSettings(column="gap"))
    assert ("subtract a constant" in caplog.text) == warned
