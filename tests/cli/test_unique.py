"""ase-orbital unique against the structures it is given."""

import numpy as np
import pytest
from ase.build import bulk
from ase.db import connect
from ase.io import read, write

from ase_orbital.cli.main import main
from ase_orbital.cli.unique import WRITERS


@pytest.mark.parametrize("suffix", ["extxyz", "xyz", "traj", "db"])
def test_a_trajectory_becomes_its_distinct_structures(frames, tmp_path, suffix, capsys):
    out = tmp_path / f"distinct.{suffix}"
    assert main(["unique", str(frames), "-o", str(out)]) == 0
    assert capsys.readouterr().out == "2 distinct of 4 structures\n"
    kept = read(out, ":")
    assert [len(atoms) for atoms in kept] == [1, 1]
    assert [atoms.get_potential_energy() for atoms in kept] == [-1.0, -0.9]
    if suffix == "db":
        copies = [row.orbital_copies for row in connect(out).select()]
    else:
        copies = [atoms.info["orbital_copies"] for atoms in kept]
    assert copies == [3, 1]


def test_distinct_structures_go_to_standard_output(frames, tmp_path, capsys):
    assert main(["unique", f"{frames}@1:", "-o", "-"]) == 0
    out, err = capsys.readouterr()
    assert err == "2 distinct of 3 structures\n"
    (tmp_path / "out.extxyz").write_text(out)
    kept = read(tmp_path / "out.extxyz", ":")
    assert [atoms.get_potential_energy() for atoms in kept] == [-1.1, -0.9]


def test_locks_that_killed_programs_left_do_not_stop_it(frames, tmp_path):
    found = tmp_path / "found.db"
    assert main(["unique", str(frames), "-o", str(found)]) == 0
    found.with_name("found.db.lock").touch()
    assert main(["unique", str(found), "-o", str(tmp_path / "again.db")]) == 0
    assert len(read(tmp_path / "again.db", ":")) == 2


@pytest.mark.parametrize("suffix", [at for at in WRITERS if at != ".db"])
def test_bad_structures_alone_leave_the_file_as_it_was(tmp_path, suffix, capsys):
    (tmp_path / "bad.cif").write_text("no crystal")
    path = tmp_path / f"distinct{suffix}"
    path.write_text("good structures")
    assert main(["unique", str(tmp_path / "bad.cif"), "-o", str(path)]) == 1
    assert path.read_text() == "good structures"
    assert "is not written" in capsys.readouterr().err


def test_the_tolerance_is_a_fraction(frames, capsys):
    main(["unique", str(frames), "-t", "1.5"])
    assert "1 distinct of 4" in capsys.readouterr().out
    main(["unique", str(frames), "-d", "ofm", "-t", "1e-3"])
    assert "2 distinct of 4" in capsys.readouterr().out


def test_a_file_that_cannot_be_written_is_misuse(frames):
    with pytest.raises(SystemExit) as caught:
        main(["unique", str(frames), "-o", "out.csv"])
    assert caught.value.code == 2


def test_distinct_structures_are_listed_without_a_file(frames, capsys):
    assert main(["unique", str(frames)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["structure", "formula", "n_atoms", "copies"]
    assert [line.split()[-1] for line in lines[2:4]] == ["3", "1"]
    assert lines[2].split()[0].endswith("path.traj@0")


@pytest.mark.parametrize(
    "arguments",
    [
        ["unique", "{frames}", "-t", "0"],
        ["unique", "{frames}", "--cutoff", "-1"],
    ],
)
def test_an_invalid_setting_is_one_line_and_exit_1(frames, arguments, capsys):
    assert main([argument.format(frames=frames) for argument in arguments]) == 1
    assert capsys.readouterr().err.startswith("ase-orbital: ")


def test_the_lowest_of_matching_structures_can_be_kept(frames, tmp_path):
    out = tmp_path / "distinct.extxyz"
    main(["unique", str(frames), "--keep", "lowest", "-o", str(out)])
    kept = read(out, ":")
    assert [atoms.get_potential_energy() / len(atoms) for atoms in kept] == [-1.2, -0.9]


def test_unique_reports_an_invalid_structure_and_goes_on(frames, tmp_path, capsys):
    write(tmp_path / "alien.extxyz", bulk("Og", "fcc", a=4.0))
    files = [str(tmp_path / name) for name in ("absent.cif", "alien.extxyz")]
    assert main(["unique", *files, str(frames)]) == 1
    out, err = capsys.readouterr()
    assert "2 distinct of 4" in out
    assert "there is no file" in err
    assert "alien.extxyz: atom 0 (Og" in err


def test_a_database_keeps_key_value_pairs_and_data(tmp_path):
    with connect(tmp_path / "in.db") as database:
        for a in (3.6, 3.6, 3.8):
            data = {"row": np.arange(3)}
            database.write(bulk("Cu", a=a), source="mine", lattice=a, data=data)
    for suffix in ("db", "extxyz"):
        out = str(tmp_path / f"out.{suffix}")
        main(["unique", str(tmp_path / "in.db"), "-o", out])
    main(["unique", f"{tmp_path / 'in.db'}@-1", "-o", str(tmp_path / "last.extxyz")])
    assert read(tmp_path / "last.extxyz").info["lattice"] == 3.8
    rows = list(connect(tmp_path / "out.db").select(source="mine"))
    assert [(row.lattice, row.orbital_copies) for row in rows] == [(3.6, 2), (3.8, 1)]
    np.testing.assert_array_equal(rows[0].data["row"], np.arange(3))
    assert [atoms.info["lattice"] for atoms in read(out, ":")] == [3.6, 3.8]


def test_a_damaged_database_is_reported_as_any_file(tmp_path, capsys):
    (tmp_path / "x.db").write_bytes(b"SQLite format 3\0" + bytes(2000))
    write(tmp_path / "good.extxyz", bulk("Cu"))
    words = ["unique", str(tmp_path / "x.db"), str(tmp_path / "good.extxyz")]
    assert main(words) == 1
    told = capsys.readouterr()
    assert "x.db cannot be read" in told.err
    assert "fault" not in told.err
    assert "1 distinct of 1 structures" in told.out
