"""Tables on the screen, and results in files."""

import math
from argparse import ArgumentTypeError
from pathlib import Path

import pytest
from ase.build import bulk
from ase.db import connect
from ase.io import read

from ase_orbital.cli.results import WRITERS, broken, table, writable, write


def record(label="cu.cif", **values):
    return {"structure": label, "id": "", "formula": "Cu", "n_atoms": 1, **values}


ONE = [record(band_gap=1.25, error="")]
ATOMS = {"cu.cif": bulk("Cu")}


def test_columns_of_numbers_are_aligned_to_the_right():
    text = table(("name", "value"), [["a", "1.5"], ["longer", "-10.25"], ["none", None]])
    assert text.splitlines() == [
        "name     value",
        "------  ------",
        "a          1.5",
        "longer  -10.25",
        "none",
    ]


def test_numbers_are_printed_with_four_decimals_and_nan_is_empty():
    lines = table(["name", "x"], [["a", 1.25], ["b", math.nan]]).splitlines()
    assert lines[-2:] == ["a     1.2500", "b"]


def test_names_of_several_lines_end_above_the_rule():
    text = table(("a", "long_\nname\n(eV)"), [["b", 1.0]])
    assert text.splitlines() == [
        "    long_",
        "     name",
        "a    (eV)",
        "-  ------",
        "b  1.0000",
    ]


def test_long_names_are_broken_after_underscores():
    assert broken("band_gap_std") == "band_gap_std"
    assert broken("formation_energy_per_atom") == "formation_\nenergy_per_\natom"


def test_missing_values_are_left_out_of_files(tmp_path):
    records = [record(band_gap=math.nan, error="fails"), record("b.cif", band_gap=1.0)]
    records[1]["error"] = ""
    write(records, {}, tmp_path / "out.csv")
    lines = (tmp_path / "out.csv").read_text().splitlines()
    assert lines[0] == "structure,id,formula,n_atoms,band_gap,error"
    assert lines[1:] == ["cu.cif,,Cu,1,,fails", "b.cif,,Cu,1,1.0,"]
    write(records, {}, tmp_path / "out.json")
    assert "NaN" not in (tmp_path / "out.json").read_text()
    write(records, ATOMS, tmp_path / "out.extxyz")
    assert read(tmp_path / "out.extxyz").info == {"orbital_error": "fails"}


def test_a_dash_is_standard_output(capsys):
    write(ONE, ATOMS, writable("-", list(WRITERS)))
    assert capsys.readouterr().out.splitlines()[1] == "cu.cif,,Cu,1,1.25,"
    write(ONE, ATOMS, writable(".extxyz", list(WRITERS)))
    assert "orbital_band_gap=1.25" in capsys.readouterr().out
    with pytest.raises(ArgumentTypeError, match="db files cannot be written to standard"):
        writable(".db", list(WRITERS))


@pytest.mark.parametrize("suffix", [".csv", ".json", ".extxyz", ".db"])
def test_a_failed_write_leaves_the_file_as_it_was(tmp_path, suffix, monkeypatch):
    path = tmp_path / f"out{suffix}"
    write(ONE, ATOMS, path)
    before = path.read_bytes()

    def fail(records, atoms, path):  # noqa: ARG001
        path.write_text("half")
        raise OSError("the disk is full")

    monkeypatch.setitem(WRITERS, suffix, fail)
    with pytest.raises(OSError, match="full"):
        write(ONE, ATOMS, path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_path_is_checked_before_the_work_begins(tmp_path):
    assert writable(str(tmp_path / "a.csv"), list(WRITERS)) == tmp_path / "a.csv"
    assert writable("-", [".extxyz"]) == Path("-.extxyz")
    with pytest.raises(ArgumentTypeError, match=r"must end with \.npz"):
        writable(str(tmp_path / "a.csv"), [".npz"])
    with pytest.raises(ArgumentTypeError, match="absent or not writable"):
        writable(str(tmp_path / "absent" / "a.csv"), list(WRITERS))


def test_any_property_goes_into_a_database(tmp_path):
    path = tmp_path / "out.db"
    write([record(**{"vol/atom": 1.25, "é": 2.5})], ATOMS, path)
    assert connect(path).get(1).orbital_vol_atom == 1.25
