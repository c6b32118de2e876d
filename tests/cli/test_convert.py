"""The command convert packs files, and reports those that it cannot read."""

import pytest
from ase.build import bulk
from ase.io import write

from ase_orbital.cli.main import main
from ase_orbital.screening.sources import Inputs

pytest.importorskip("pyarrow")


def test_files_are_packed(crystals, tmp_path, capsys):
    output = tmp_path / "all.parquet"
    inputs = [str(crystals / "salt.cif"), str(crystals / "metals.extxyz")]
    assert main(["convert", *inputs, "-o", str(output), "--workers", "1"]) == 0
    assert f"3 structures, 0 failed: {output}" in capsys.readouterr().out
    (part,) = Inputs(output).parts(10)
    assert next(frame.id for frame in part.frames()) == "salt.cif"


def test_a_file_that_cannot_be_read_is_reported(crystals, tmp_path, capsys):
    (crystals / "broken.cif").write_text("no CIF")
    words = ["convert", str(crystals / "broken.cif"), str(crystals / "salt.cif")]
    assert main([*words, "-o", str(tmp_path / "all.parquet"), "--workers", "1"]) == 1
    captured = capsys.readouterr()
    assert "broken.cif@0: " in captured.err
    assert "1 structures, 1 failed" in captured.out
    (tmp_path / "good.parquet").write_text("before")
    words = ["convert", str(crystals / "broken.cif"), "-o", str(tmp_path / "good.parquet")]
    assert main([*words, "--workers", "1"]) == 1
    assert "there is nothing to write" in capsys.readouterr().err
    assert (tmp_path / "good.parquet").read_text() == "before"


def test_a_format_is_given_for_names_that_do_not_tell_it(tmp_path, capsys):
    write(tmp_path / "relaxed.1", bulk("Cu"), format="vasp")
    words = ["convert", str(tmp_path / "relaxed.1"), "--workers", "1", "--format", "vasp"]
    assert main([*words, "-o", str(tmp_path / "all.parquet")]) == 0
    assert "1 structures, 0 failed" in capsys.readouterr().out
    words[-1] = "cif"
    assert main([*words, "-o", str(tmp_path / "none.parquet")]) == 1
    assert "relaxed.1" in capsys.readouterr().err
