"""Databases are read in parts, with identifiers, and damage is reported."""

import sys

import pytest
from ase import Atoms
from ase.build import bulk

from ase_orbital.databases import connect
from ase_orbital.errors import DataError
from ase_orbital.screening.database_rows import id_blocks


def frames_of(path, size=7):
    return [frame for part in id_blocks(path, size) for frame in part.frames()]


@pytest.mark.parametrize("suffix", [".db", ".aselmdb"])
def test_rows_are_read_in_parts(frames, tmp_path, suffix, same_atoms):
    if suffix == ".aselmdb":
        pytest.importorskip("ase_db_backends")
    path = tmp_path / f"a{suffix}"
    with connect(path) as database:
        for number, atoms in enumerate(frames[:20]):
            database.write(atoms, material_id=f"mp-{number}x")
        database.delete([4])
    parts = list(id_blocks(path, 7))
    assert [len(list(part.frames())) for part in parts] == [7, 7, 5]
    found = [frame for part in parts for frame in part.frames()]
    same_atoms([frame.atoms for frame in found], frames[:3] + frames[4:20])
    assert [found[3].id, found[3].number] == ["mp-4x", 3]


def test_an_identifier_in_the_data_is_found(tmp_path):
    with connect(tmp_path / "a.db") as database:
        database.write(bulk("Cu"), data={"id": "17"})
        database.write(Atoms("Ar"))
    path = tmp_path / "a.db"
    assert [frame.id for frame in frames_of(path)] == ["17", f"{path}@1"]


def test_what_is_no_database_is_refused(tmp_path):
    (tmp_path / "a.db").write_text("no database, but a text that is long enough" * 20)
    with pytest.raises(DataError, match=r"a\.db cannot be (read|opened): "):
        frames_of(tmp_path / "a.db")


def test_a_missing_extra_is_named(tmp_path, monkeypatch):
    (tmp_path / "a.aselmdb").touch()
    monkeypatch.setitem(sys.modules, "lmdb", None)
    monkeypatch.delitem(sys.modules, "ase_db_backends.aselmdb", raising=False)
    with pytest.raises(DataError, match=r"pip install 'ase-orbital\[screen\]'"):
        frames_of(tmp_path / "a.aselmdb")


def test_a_vanished_database_stops_the_run(tmp_path):
    with connect(tmp_path / "a.db") as database:
        database.write(bulk("Cu"))
    (part,) = id_blocks(tmp_path / "a.db", 7)
    (tmp_path / "a.db").unlink()
    with pytest.raises(DataError, match="has vanished"):
        list(part.frames())
