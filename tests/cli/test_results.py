"""Tables on the screen, and results in files."""

from argparse import ArgumentTypeError

import pytest
from ase.build import bulk
from ase.io import read

from ase_orbital.cli.results import WRITERS, Result, table, writable, write
from ase_orbital.cli.structures import NamedStructure


def result(model="gap", value=1.25):
    return Result("cu.cif", "Cu", 1, "band_gap", value, "eV", model)


def test_columns_of_numbers_are_aligned_to_the_right():
    text = table(("name", "value"), [["a", "1.5"], ["longer", "-10.25"]])
    assert text.splitlines() == [
        "name     value",
        "------  ------",
        "a          1.5",
        "longer  -10.25",
    ]


def test_results_are_printed_with_four_decimals():
    assert table(Result._fields, [result()]).splitlines()[-1].split() == [
        "cu.cif", "Cu", "1", "band_gap", "1.2500", "eV", "gap",
    ]  # fmt: skip


def test_models_of_one_property_have_keys_of_their_own(tmp_path):
    path = tmp_path / "out.extxyz"
    structures = [NamedStructure("cu.cif", bulk("Cu"))]
    write([result("one/a", 1.0), result("two", 2.0)], structures, path)
    info = read(path).info
    assert info["orbital_band_gap_one_a"] == 1.0
    assert info["orbital_band_gap_two"] == 2.0


@pytest.mark.parametrize("suffix", [".csv", ".json", ".extxyz", ".db"])
def test_a_failed_write_leaves_the_file_as_it_was(tmp_path, suffix, monkeypatch):
    path = tmp_path / f"out{suffix}"
    structures = [NamedStructure("cu.cif", bulk("Cu"))]
    write([result()], structures, path)
    before = path.read_bytes()

    def fail(results, structures, path):  # noqa: ARG001
        path.write_text("half")
        raise OSError("the disk is full")

    monkeypatch.setitem(WRITERS, suffix, fail)
    with pytest.raises(OSError, match="full"):
        write([result()], structures, path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_path_is_checked_before_the_work_begins(tmp_path):
    assert writable(str(tmp_path / "a.csv"), WRITERS) == tmp_path / "a.csv"
    with pytest.raises(ArgumentTypeError, match=r"must end with \.npz"):
        writable(str(tmp_path / "a.csv"), [".npz"])
    with pytest.raises(ArgumentTypeError, match="absent or not writable"):
        writable(str(tmp_path / "absent" / "a.csv"), WRITERS)
