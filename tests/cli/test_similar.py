"""ase-orbital similar against the differences of structures."""

import numpy as np
import pytest
from ase.build import bulk
from ase.io import read, write

from ase_orbital.cli.main import main
from ase_orbital.search import Archive, GOMComparator


def test_similar_lists_the_nearest_first(frames, tmp_path, capsys):
    asked = bulk("Cu", a=3.63, cubic=True)
    write(tmp_path / "asked.cif", asked)
    write(tmp_path / "other.cif", bulk("NaCl", "rocksalt", a=5.64))
    files = ["--in", str(frames), str(tmp_path / "other.cif")]
    assert main(["similar", str(tmp_path / "asked.cif"), *files, "-n", "4"]) == 0
    header, _, *lines = capsys.readouterr().out.splitlines()
    assert header.split() == ["structure", "formula", "n_atoms", "difference", "match"]
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


def test_frames_are_chosen_by_their_index(frames, capsys):
    words = ["similar", f"{frames}@0", "--in", f"{frames}@1:3", "--format", "traj"]
    assert main(words) == 0
    lines = capsys.readouterr().out.splitlines()[2:]
    assert [line.split()[0][-2:] for line in lines] == ["@1", "@2"]
    assert lines[0].split()[-1] == "yes"


def test_similar_says_when_nothing_can_be_compared(frames, tmp_path, capsys):
    write(tmp_path / "salt.cif", bulk("NaCl", "rocksalt", a=5.64))
    assert main(["similar", str(tmp_path / "salt.cif"), "--in", str(frames)]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "no structure has the composition NaCl" in err


@pytest.mark.parametrize(
    "arguments",
    [
        ["similar", "{frames}", "--in", "{frames}", "-n", "0"],
        ["similar", "absent.cif", "--in", "{frames}"],
        ["similar", "{frames}", "--in", "absent.npz"],
    ],
)
def test_an_invalid_setting_is_one_line_and_exit_1(frames, arguments, capsys):
    assert main([argument.format(frames=frames) for argument in arguments]) == 1
    assert capsys.readouterr().err.startswith("ase-orbital: ")


def test_prototypes_are_found_across_compositions(frames, tmp_path, capsys):
    write(tmp_path / "asked.cif", bulk("MgO", "rocksalt", a=4.21))
    write(tmp_path / "salt.cif", bulk("NaCl", "rocksalt", a=5.64))
    words = ["similar", str(tmp_path / "asked.cif"), "--prototypes", "--in", str(frames)]
    assert main(words) == 1
    assert "no structure has the numbers of elements of MgO" in capsys.readouterr().err
    assert main([*words, str(tmp_path / "salt.cif")]) == 0
    (line,) = capsys.readouterr().out.splitlines()[2:]
    assert line.split()[1:] == ["NaCl", "2", "0.00000", "yes"]
