"""Structures from files: their labels, and files that cannot be used."""

from pathlib import Path

from ase import Atoms
from ase.build import bulk
from ase.io import write

from ase_orbital.cli.structures import NamedStructure, named_frames, read_files


def test_labels_have_the_file_and_the_number_of_one_of_several_frames():
    path = Path("path.traj")
    (alone,) = named_frames(path, [bulk("Cu")])
    assert alone == NamedStructure("path.traj", bulk("Cu"))
    several = named_frames(path, [bulk("Cu"), bulk("Al")])
    assert [frame.label for frame in several] == ["path.traj@0", "path.traj@1"]


def test_valid_structures_are_read_and_others_reported(tmp_path, capsys):
    write(tmp_path / "good.extxyz", [bulk("Cu"), bulk("Al")])
    coincident = Atoms("Cu2", [[0, 0, 0], [0, 0, 0.01]], cell=[4, 4, 4], pbc=True)
    write(tmp_path / "bad.extxyz", [bulk("Cu"), coincident])
    (tmp_path / "text.cif").write_text("no crystal")
    names = ("good.extxyz", "bad.extxyz", "text.cif", "absent.cif")
    structures, n_bad = read_files([tmp_path / name for name in names])
    labels = [Path(structure.label).name for structure in structures]
    assert labels == ["good.extxyz@0", "good.extxyz@1", "bad.extxyz@0"]
    assert n_bad == 3
    reported = [line.split(": ")[0] for line in capsys.readouterr().err.splitlines()]
    names = [Path(label).name for label in reported if label.startswith(str(tmp_path))]
    assert names == ["bad.extxyz@1", "text.cif", "absent.cif"]


def test_a_file_that_is_given_twice_is_read_once(tmp_path):
    write(tmp_path / "good.extxyz", bulk("Cu"))
    structures, _ = read_files([tmp_path / "good.extxyz"] * 2)
    assert len(structures) == 1
