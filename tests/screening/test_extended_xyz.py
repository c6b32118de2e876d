"""Blocks of a file have the frames that ASE reads from it, and damage stays where it is."""

import gzip
import sys
from pathlib import Path

import pytest
from ase.build import bulk
from ase.io import read, write

from ase_orbital.errors import DataError
from ase_orbital.screening import extended_xyz
from ase_orbital.screening.extended_xyz import blocks


def compressed(path, suffix):
    target = path.with_name(path.name + suffix)
    if suffix == ".gz":
        target.write_bytes(gzip.compress(path.read_bytes()))
    elif suffix == ".zst":
        zstandard = pytest.importorskip("zstandard")
        data = path.read_bytes()  # two frames of zstandard, as from `cat a.zst b.zst`
        half = len(data) // 2
        parts = [
            zstandard.ZstdCompressor().compress(one) for one in (data[:half], data[half:])
        ]
        target.write_bytes(b"".join(parts))
    return target if suffix else path


def frames_of(path, size=7):
    return [frame for block in blocks(path, size) for frame in block.frames()]


@pytest.mark.parametrize("suffix", ["", ".gz", ".zst"])
def test_blocks_have_all_frames_in_order(xyz, tmp_path, suffix, same_atoms):
    copy = tmp_path / xyz.name
    copy.write_bytes(xyz.read_bytes())
    path = compressed(copy, suffix)
    parts = list(blocks(path, 7))
    assert [part.n_frames for part in parts] == [7] * 8 + [4]
    found = [frame for part in parts for frame in part.frames()]
    assert [frame.number for frame in found] == list(range(60))
    same_atoms([frame.atoms for frame in found], read(xyz, ":"))
    assert found[3].id == read(xyz, 3).info["id"]
    assert sum(part.weight for part in parts) == path.stat().st_size


def test_large_frames_make_smaller_blocks(xyz, monkeypatch):
    monkeypatch.setattr(extended_xyz, "BYTES", 1000)
    assert len(list(blocks(xyz, 60))) > 5
    assert len(frames_of(xyz, 60)) == 60


def test_blank_lines_between_frames_are_passed_over(tmp_path):
    write(tmp_path / "one.xyz", bulk("Cu"), format="extxyz")
    text = (tmp_path / "one.xyz").read_text()
    (tmp_path / "two.xyz").write_text(f"\n{text}\n\n{text}\n\n")
    assert len(frames_of(tmp_path / "two.xyz")) == 2


def test_a_bad_frame_fails_alone(xyz, tmp_path):
    lines = xyz.read_text().splitlines(keepends=True)
    lines[4 * 2 + 2] = "Li 0.0 zero 0.0\n"  # an atom of frame 2; each has 4 lines
    bad = tmp_path / "bad.extxyz"
    bad.write_text("".join(lines))
    found = frames_of(bad)
    assert [frame.number for frame in found if frame.atoms is None] == [2]
    assert "ValueError" in found[2].error
    assert len(found) == 60


def test_a_file_without_a_number_of_atoms_is_read_up_to_there(xyz, tmp_path):
    lines = xyz.read_text().splitlines(keepends=True)
    lines[4 * 10] = "many\n"
    bad = tmp_path / "bad.extxyz"
    bad.write_text("".join(lines))
    found = frames_of(bad)
    assert len(found) == 11
    assert "begins with 'many' where its number of atoms should be" in found[-1].error


def test_a_number_of_atoms_that_no_file_has_is_an_error(tmp_path):
    (tmp_path / "a.xyz").write_text("99999999999\n\nCu 0 0 0\n")
    (found,) = frames_of(tmp_path / "a.xyz")
    assert "nothing after this is read" in found.error


def test_a_number_of_columns_that_no_file_has_is_an_error(tmp_path):
    text = "1\nProperties=species:S:1:pos:R:99999999999\nCu 0 0 0\n1\n\nCu 0 0 0\n"
    (tmp_path / "a.xyz").write_text(text)
    first, second = frames_of(tmp_path / "a.xyz")
    assert "99999999999 columns" in first.error
    assert not second.error


def test_a_truncated_file_keeps_its_whole_frames(xyz, tmp_path):
    cut = tmp_path / "cut.extxyz"
    cut.write_bytes(xyz.read_bytes()[:-40])
    found = frames_of(cut)
    assert [frame.number for frame in found if frame.atoms is None] == [59]
    packed = tmp_path / "cut.extxyz.gz"
    packed.write_bytes(gzip.compress(xyz.read_bytes())[:-800])
    found = frames_of(packed)
    assert found[-1].atoms is None
    assert "the file is damaged (EOFError" in found[-1].error
    assert len(found) > 2


def test_a_missing_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "zstandard", None)
    (tmp_path / "a.xyz.zst").touch()
    with pytest.raises(DataError, match=r"pip install 'ase-orbital\[screen\]'"):
        frames_of(tmp_path / "a.xyz.zst")


def test_a_file_that_shrinks_stops_the_run(xyz, tmp_path):
    path = tmp_path / "a.extxyz"
    path.write_bytes(xyz.read_bytes())
    parts = list(blocks(path, 30))
    path.write_bytes(xyz.read_bytes()[:500])
    with pytest.raises(DataError, match="has become shorter"):
        list(parts[1].frames())
    Path(path).unlink()
    with pytest.raises(DataError, match="has vanished"):
        list(parts[0].frames())
