"""Files of any kind become one that has the same structures."""

import os

import pytest
from ase.build import bulk
from ase.io import read, write

from ase_orbital.databases import connect
from ase_orbital.errors import DataError, SettingError
from ase_orbital.screening import conversion, convert
from ase_orbital.screening.sources import Inputs


@pytest.mark.parametrize("suffix", [".parquet", ".aselmdb"])
def test_structures_and_identifiers_are_kept(
    xyz, tmp_path, suffix, monkeypatch, same_atoms
):
    monkeypatch.setattr(conversion, "ROWS", 25)
    output = tmp_path / f"a{suffix}"
    (tmp_path / "broken.cif").write_text("no CIF")
    number, failed = convert([xyz, tmp_path / "broken.cif"], output, workers=1)
    assert number == 60
    assert [frame.source for frame in failed] == [str(tmp_path / "broken.cif")]
    found = [frame for part in Inputs(output).parts(7) for frame in part.frames()]
    same_atoms([frame.atoms for frame in found], read(xyz, ":"))
    assert found[3].id == read(xyz, 3).info["id"]
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"a{suffix}", "broken.cif"]


def test_an_lmdb_is_an_ase_database(frames, tmp_path):
    convert(frames[:3], tmp_path / "a.aselmdb", workers=1)
    database = connect(tmp_path / "a.aselmdb", readonly=True)
    assert database.get(2).data["id"] == frames[1].info["id"]
    assert database.count() == 3


def test_a_file_that_fails_replaces_nothing(frames, tmp_path, monkeypatch):
    write(tmp_path / "a.extxyz", frames)
    (tmp_path / "a.parquet").write_text("before")
    monkeypatch.setattr(Inputs, "parts", lambda *_: iter([lambda: None]))
    with pytest.raises(AttributeError):
        convert(tmp_path / "a.extxyz", tmp_path / "a.parquet", workers=1)
    assert (tmp_path / "a.parquet").read_text() == "before"


def test_other_formats_and_places_are_refused(xyz, tmp_path):
    with pytest.raises(SettingError, match=r"must end with \.parquet or \.aselmdb"):
        convert(xyz, tmp_path / "a.json")
    with pytest.raises(DataError, match="cannot be written"):
        convert(xyz, tmp_path / "absent/a.parquet", workers=1)


@pytest.mark.parametrize("suffix", [".parquet", ".aselmdb"])
def test_nothing_replaces_no_good_file(tmp_path, suffix):
    (tmp_path / "broken.cif").write_text("no CIF")
    output = tmp_path / f"a{suffix}"
    output.write_text("before")
    number, failed = convert(tmp_path / "broken.cif", output, workers=1)
    assert (number, len(failed)) == (0, 1)
    assert output.read_text() == "before"


@pytest.mark.parametrize("suffix", [".parquet", ".aselmdb"])
def test_a_disk_without_room_is_an_error(frames, tmp_path, suffix):
    resource = pytest.importorskip("resource")
    output = tmp_path / f"a{suffix}"
    output.write_text("before")
    child = os.fork()
    if child == 0:  # a limit of the system stands for the size of the disk
        code = 1
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
            convert(frames, output, workers=1)
        except DataError as error:
            code = 0 if "cannot be" in str(error) else 2
        finally:
            os._exit(code)
    assert os.WEXITSTATUS(os.waitpid(child, 0)[1]) == 0
    assert [path.name for path in tmp_path.iterdir()] == [f"a{suffix}"]
    assert output.read_text() == "before"


@pytest.mark.parametrize("suffix", [".parquet", ".aselmdb"])
def test_partially_occupied_crystals_do_not_become_ordered_ones(tmp_path, suffix):
    mixed = bulk("NaCl", "rocksalt", a=5.6)
    mixed.info["occupancy"] = {"0": {"Na": 0.5, "K": 0.5}, "1": {"Cl": 1.0}}
    output = tmp_path / f"a{suffix}"
    number, failed = convert([mixed, bulk("Cu")], output, workers=1)
    assert number == 1
    assert "site 0 is partially occupied" in failed[0].error
    (found,) = [frame for part in Inputs(output).parts(7) for frame in part.frames()]
    assert str(found.atoms.symbols) == "Cu"
