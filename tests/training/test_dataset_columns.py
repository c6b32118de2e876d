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
