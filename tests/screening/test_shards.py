"""A shard is complete with its mark, or does not count."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ase_orbital.errors import DataError
from ase_orbital.screening import shards
from ase_orbital.screening.shards import Folder

TABLE = pa.table({"id": ["a", "b"], "error": ["", "bad"]})


@pytest.fixture
def folder(tmp_path):
    folder = Folder(tmp_path / "out")
    folder.begin({"models": ["m"], "shard_size": 2})
    return folder


def test_a_shard_has_a_mark_and_the_metadata(folder):
    mark = folder.write(3, TABLE, 0.5)
    assert [mark["rows"], mark["failed"], mark["seconds"]] == [2, 1, 0.5]
    assert folder.done(3) == mark
    assert folder.numbers() == [3]
    schema = pq.read_schema(folder.shard(3))
    assert json.loads(schema.metadata[b"ase_orbital"]) == folder.metadata()
    assert [path.name for path in folder.path.rglob(".*")] == []


def test_equal_tables_make_equal_files(folder):
    first = folder.write(1, TABLE, 0.5)["sha256"]
    assert folder.write(2, TABLE, 0.7)["sha256"] == first


@pytest.mark.parametrize("damage", ["no mark", "no shard", "another byte", "half a mark"])
def test_a_damaged_shard_does_not_count(folder, damage):
    folder.write(3, TABLE, 0.5)
    content = bytearray(folder.shard(3).read_bytes())
    if damage == "no mark":
        folder.mark(3).unlink()
    elif damage == "no shard":
        folder.shard(3).unlink()
    elif damage == "another byte":
        content[50] ^= 1
        folder.shard(3).write_bytes(content)
    else:
        folder.mark(3).write_text(folder.mark(3).read_text()[:20])
    assert folder.done(3) is None


def test_another_run_is_refused(folder):
    folder.begin({"models": ["m"], "shard_size": 2})
    with pytest.raises(
        DataError, match=r'another run: its models are \["m"\], not \["n"\]'
    ):
        folder.begin({"models": ["n"], "shard_size": 2})


def test_a_file_is_no_folder_for_results(tmp_path):
    (tmp_path / "results").touch()
    with pytest.raises(DataError, match="results is a file; give a new folder"):
        Folder(tmp_path / "results").begin({"models": ["m"]})


def test_a_folder_with_other_files_is_refused(tmp_path):
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(DataError, match="holds other files"):
        Folder(tmp_path).begin({})
    with pytest.raises(DataError, match="has no results of a screening"):
        Folder(tmp_path).metadata()


def test_a_run_killed_at_its_very_beginning_is_begun_again(tmp_path):
    (tmp_path / "shards").mkdir()
    (tmp_path / ".run.json.machine-1.x").mkdir()
    Folder(tmp_path).begin({"models": ["m"]})
    assert Folder(tmp_path).metadata() == {"models": ["m"]}


def test_a_full_disk_leaves_nothing_and_says_what_to_do(folder, monkeypatch):
    before = sorted(folder.path.rglob("*"))

    def failing(_, path, **__):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shards.arrow().parquet, "write_table", failing)
    with pytest.raises(DataError, match="No space left on device; make room and repeat"):
        folder.write(3, TABLE, 0.5)
    assert sorted(folder.path.rglob("*")) == before
