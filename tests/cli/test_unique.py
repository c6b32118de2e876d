"""ase-orbital unique and similar against the structures they are given."""

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator
from ase.db import connect
from ase.io import read, write

from ase_orbital.cli.main import main
from ase_orbital.search import Archive, GOMComparator


def with_energy(atoms, energy):
    atoms.calc = SinglePointCalculator(atoms, energy=energy * len(atoms))
    return atoms


@pytest.fixture
def frames(tmp_path):
    """fcc twice, bcc, and fcc again in another cell and with the lowest energy."""
    frames = [
        with_energy(bulk("Cu"), -1.0),
        with_energy(bulk("Cu"), -1.1),
        with_energy(bulk("Cu", "bcc", a=2.87), -0.9),
        with_energy(bulk("Cu", cubic=True), -1.2),
    ]
    write(tmp_path / "path.traj", frames)
    return tmp_path / "path.traj"


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


def test_the_lowest_of_those_alike_can_be_kept(frames, tmp_path):
    out = tmp_path / "distinct.extxyz"
    main(["unique", str(frames), "--keep", "lowest", "-o", str(out)])
    kept = read(out, ":")
    assert [atoms.get_potential_energy() / len(atoms) for atoms in kept] == [-1.2, -0.9]


def test_without_a_file_they_are_listed(frames, capsys):
    assert main(["unique", str(frames)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["structure", "formula", "n_atoms", "copies"]
    assert [line.split()[-1] for line in lines[2:4]] == ["3", "1"]
    assert lines[2].split()[0].endswith("path.traj@0")


def test_the_tolerance_is_a_fraction(frames, capsys):
    main(["unique", str(frames), "-t", "1.5"])
    assert "1 distinct of 4" in capsys.readouterr().out
    main(["unique", str(frames), "-d", "ofm", "-t", "1e-3"])
    assert "2 distinct of 4" in capsys.readouterr().out


def test_a_database_keeps_what_it_had_beside_the_structures(tmp_path):
    with connect(tmp_path / "in.db") as database:
        for a in (3.6, 3.6, 3.8):
            data = {"row": np.arange(3)}
            database.write(bulk("Cu", a=a), source="mine", lattice=a, data=data)
    for suffix in ("db", "extxyz"):
        out = str(tmp_path / f"out.{suffix}")
        main(["unique", str(tmp_path / "in.db"), "-o", out])
    rows = list(connect(tmp_path / "out.db").select(source="mine"))
    assert [(row.lattice, row.orbital_copies) for row in rows] == [(3.6, 2), (3.8, 1)]
    np.testing.assert_array_equal(rows[0].data["row"], np.arange(3))
    assert [atoms.info["lattice"] for atoms in read(out, ":")] == [3.6, 3.8]


def test_a_bad_structure_is_named_and_the_others_are_compared(frames, tmp_path, capsys):
    write(tmp_path / "alien.extxyz", bulk("Og", "fcc", a=4.0))
    files = [str(tmp_path / name) for name in ("absent.cif", "alien.extxyz")]
    assert main(["unique", *files, str(frames)]) == 1
    out, err = capsys.readouterr()
    assert "2 distinct of 4" in out
    assert "there is no file" in err
    assert "alien.extxyz: atom 0 (Og" in err


def test_similar_lists_the_nearest_first(frames, tmp_path, capsys):
    asked = bulk("Cu", a=3.63, cubic=True)
    write(tmp_path / "asked.cif", asked)
    write(tmp_path / "other.cif", bulk("NaCl", "rocksalt", a=5.64))
    files = ["--in", str(frames), str(tmp_path / "other.cif")]
    assert main(["similar", str(tmp_path / "asked.cif"), *files, "-n", "4"]) == 0
    header, _, *lines = capsys.readouterr().out.splitlines()
    assert header.split() == ["structure", "formula", "n_atoms", "difference", "alike"]
    expected = sorted(
        GOMComparator().difference(read(tmp_path / "asked.cif"), atoms)
        for atoms in read(frames, ":")
    )
    found = [float(line.split()[3]) for line in lines]
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert lines[-1].split()[0].endswith("path.traj@2")
    assert {line.split()[-1] for line in lines} == {"no"}
    main(["similar", str(tmp_path / "asked.cif"), *files, "-n", "1", "-t", "0.1"])
    (line,) = capsys.readouterr().out.splitlines()[2:]
    assert line.split()[-1] == "yes"


def test_similar_looks_through_a_saved_archive(frames, tmp_path, capsys):
    archive = Archive()
    archive.add(bulk("Cu"), "from a search")
    archive.add(bulk("Cu", "bcc", a=2.87))
    archive.save(tmp_path / "archive.npz")
    assert main(["similar", str(frames), "--in", str(tmp_path / "archive.npz")]) == 0
    lines = capsys.readouterr().out.splitlines()[2:]
    assert lines[0].startswith("from a search")
    assert lines[0].split()[-2:] == ["0.00000", "yes"]
    assert lines[1].startswith("entry 1")


def test_similar_says_when_nothing_can_be_compared(frames, tmp_path, capsys):
    write(tmp_path / "salt.cif", bulk("NaCl", "rocksalt", a=5.64))
    assert main(["similar", str(tmp_path / "salt.cif"), "--in", str(frames)]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "none has the composition NaCl" in err


@pytest.mark.parametrize(
    "arguments",
    [
        ["unique", "{frames}", "-t", "0"],
        ["unique", "{frames}", "--cutoff", "-1"],
        ["similar", "{frames}", "--in", "{frames}", "-n", "0"],
        ["similar", "absent.cif", "--in", "{frames}"],
        ["similar", "{frames}", "--in", "absent.npz"],
    ],
)
def test_what_means_nothing_is_one_line_and_exit_1(frames, arguments, capsys):
    assert main([argument.format(frames=frames) for argument in arguments]) == 1
    assert capsys.readouterr().err.startswith("ase-orbital: ")


def test_a_file_that_cannot_be_written_is_misuse(frames):
    with pytest.raises(SystemExit) as caught:
        main(["unique", str(frames), "-o", "out.csv"])
    assert caught.value.code == 2
