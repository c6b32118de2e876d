"""Structures from files: their labels, and files that cannot be used."""

import io
import os
import sys
from argparse import ArgumentTypeError, Namespace
from pathlib import Path
from types import SimpleNamespace

import pytest
from ase import Atoms
from ase.build import bulk
from ase.io import read, write

from ase_orbital.cli.structures import (
    NamedStructure,
    Source,
    Unusable,
    checked_frames,
    labels_of,
    named_frames,
    read_files,
    read_structures,
    source,
)


def arguments(*paths, form=None):
    return Namespace(files=[source(str(path)) for path in paths], format=form)


@pytest.fixture
def metals(tmp_path):
    frames = [bulk("Cu", a=3.5 + number / 10) for number in range(6)]
    write(tmp_path / "metals.extxyz", frames)
    return tmp_path / "metals.extxyz"


def test_labels_have_the_file_and_the_number_of_one_of_several_frames():
    given = Source(Path("path.traj"))
    (alone,) = named_frames(given, [bulk("Cu")])
    assert alone == NamedStructure("path.traj", bulk("Cu"))
    several = named_frames(given, [bulk("Cu"), bulk("Al")])
    assert [frame.label for frame in several] == ["path.traj@0", "path.traj@1"]


@pytest.mark.parametrize(
    "index", ["0", "-1", "4", "-6", ":", "1:3", ":2", "::2", "1::3", "-2:", "::-1", "-9:"]
)
def test_frames_are_chosen_in_the_notation_of_ase(metals, index):
    frames = checked_frames(source(f"{metals}@{index}"))
    expected = read(metals, index)
    expected = [expected] if isinstance(expected, Atoms) else expected
    assert [frame.atoms for frame in frames] == expected
    for frame in frames:  # each label is an index, too
        path, _, number = frame.label.rpartition("@")
        assert path == str(metals)
        assert read(metals, int(number)) == frame.atoms


def test_a_name_with_an_at_sign_is_a_file_if_it_exists(tmp_path):
    write(tmp_path / "a@1", bulk("Cu"), format="extxyz")
    assert source(str(tmp_path / "a@1")) == Source(tmp_path / "a@1")
    (frame,) = checked_frames(source(str(tmp_path / "a@1")), form="extxyz")
    assert frame.label == str(tmp_path / "a@1")
    assert labels_of(Source(Path("x"), "0:1"), 1) == ["x@0"]
    with pytest.raises(ArgumentTypeError, match="'last' is not an index"):
        source("metals.extxyz@last")


def test_a_frame_that_is_not_there_is_reported(metals, capsys):
    structures, n_bad = read_files(arguments(f"{metals}@17"))
    assert (structures, n_bad) == ([], 1)
    assert "holds no structure at index 17" in capsys.readouterr().err


@pytest.mark.parametrize("form", [None, "vasp"])
def test_structures_come_from_standard_input(monkeypatch, form):
    text = io.StringIO()
    write(text, bulk("Cu"), format=form or "extxyz")
    data = SimpleNamespace(buffer=io.BytesIO(text.getvalue().encode()))
    monkeypatch.setattr(sys, "stdin", data)
    ((frame,), n_bad) = read_files(arguments("-", form=form))
    assert (frame.label, str(frame.atoms.symbols), n_bad) == ("-", "Cu", 0)


def test_standard_input_that_cannot_be_read_is_named(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"no crystal")))
    assert read_files(arguments("-")) == ([], 1)
    assert capsys.readouterr().err.startswith("-: standard input cannot be read")


def test_the_identifier_in_the_file_is_kept(tmp_path):
    crystals = [bulk("Cu"), Atoms("Cu2", cell=[4, 4, 4], pbc=True), bulk("Al")]
    for number, atoms in enumerate(crystals[:2]):
        atoms.info["id"] = f"mp-{number}"
    write(tmp_path / "crystals.extxyz", crystals)
    found = checked_frames(source(str(tmp_path / "crystals.extxyz")))
    assert [frame.id for frame in found] == ["mp-0", "mp-1", ""]
    assert isinstance(found[1], Unusable)


def test_valid_structures_are_read_and_others_reported(tmp_path, capsys):
    write(tmp_path / "good.extxyz", [bulk("Cu"), bulk("Al")])
    coincident = Atoms("Cu2", [[0, 0, 0], [0, 0, 0.01]], cell=[4, 4, 4], pbc=True)
    write(tmp_path / "bad.extxyz", [bulk("Cu"), coincident])
    (tmp_path / "text.cif").write_text("no crystal")
    names = ("good.extxyz", "bad.extxyz", "text.cif", "absent.cif")
    structures, n_bad = read_files(arguments(*(tmp_path / name for name in names)))
    labels = [Path(structure.label).name for structure in structures]
    assert labels == ["good.extxyz@0", "good.extxyz@1", "bad.extxyz@0"]
    assert n_bad == 3
    reported = [line.split(": ")[0] for line in capsys.readouterr().err.splitlines()]
    names = [Path(label).name for label in reported if label.startswith(str(tmp_path))]
    assert names == ["bad.extxyz@1", "text.cif", "absent.cif"]


def test_a_file_that_is_given_twice_is_read_once(tmp_path):
    write(tmp_path / "good.extxyz", bulk("Cu"))
    structures, _ = read_files(arguments(*[tmp_path / "good.extxyz"] * 2))
    assert len(structures) == 1


def test_a_name_that_is_no_text_is_spelled_out(tmp_path, capsys):
    folder = os.fsencode(tmp_path)
    try:
        write(os.fsdecode(folder + b"/\xe9.cif"), bulk("Cu"))
        (tmp_path / os.fsdecode(b"\xe8.cif")).write_text("no CIF")
    except (OSError, UnicodeError):
        pytest.skip("the file system has names in Unicode only")
    names = [os.fsdecode(folder + name) for name in (b"/\xe9.cif", b"/\xe8.cif")]
    good, bad = read_structures(arguments(*names))
    assert good.label == rf"{tmp_path}/\udce9.cif"
    assert (good.label + bad.label + str(bad.error) + capsys.readouterr().err).isascii()
