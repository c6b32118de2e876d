"""Results are read back, whole or shard by shard, with structures."""

import shutil
from pathlib import Path

import pytest

from ase_orbital.errors import DataError
from ase_orbital.screening import Results, read_results, screen


@pytest.fixture(scope="module")
def folder(xyz, model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("results") / "out"
    screen(xyz, model, folder, workers=1, shard_size=25)
    return folder


def test_one_table_has_all_rows_with_units(folder):
    table = read_results(folder)
    assert len(table) == 60
    assert table.attrs["units"] == {"band_gap": "eV"}
    assert list(table.index[[0, 25, 59]]) == [(0, 0), (1, 0), (2, 9)]
    assert (table.error != "").sum() == 2
    assert list(table.columns) == [
        "id", "source", "frame", "formula", "n_atoms", "band_gap", "error", "digest",
    ]  # fmt: skip


def test_shards_are_read_one_by_one(folder):
    results = Results(folder)
    assert [len(part) for part in results.frames(["id"])] == [25, 25, 10]
    assert results.complete
    assert results.n_shards == 3
    assert results.marks[2]["rows"] == 10
    assert results.properties == ["band_gap"]


def test_structures_are_found_by_the_index(folder, frames, same_atoms):
    results = Results(folder)
    places = [(2, 9), (0, 3), (0, 1), (0, 3)]
    found = results.atoms(places)
    same_atoms(found, [frames[59], frames[3], frames[1], frames[3]])
    assert found[1].info["id"] == frames[3].info["id"]
    found[1].info["id"] = "mine"
    assert found[3].info["id"] != "mine"


def test_an_unfinished_run_has_no_total(folder, tmp_path):
    for path in folder.rglob("*"):
        if path.is_file() and path.name != "total.json" and not path.stem.endswith("2"):
            target = tmp_path / path.relative_to(folder)
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(path.read_bytes())
    results = Results(tmp_path)
    assert results.n_shards is None
    assert not results.complete
    assert len(results.frame()) == 50
    (tmp_path / "shards/00000001.parquet").write_bytes(b"no")
    with pytest.raises(DataError, match="is damaged; repeat the screening"):
        results.frame()


def test_structures_that_were_left_out_are_an_error(xyz, model, tmp_path):
    results = screen(xyz, model, tmp_path / "out", workers=1, structures=False)
    with pytest.raises(DataError, match="were left out"):
        results.atoms([(0, 0)])
    with pytest.raises(DataError, match="no results of a screening"):
        Results(tmp_path / "absent")


@pytest.fixture
def copied(folder, tmp_path):
    return Path(shutil.copytree(folder, tmp_path / "copied"))


@pytest.mark.parametrize("content", [b"", b"null", b"[]", b"{}", b"\xff", b'{"shards"'])
def test_damaged_files_are_errors(copied, content):
    (copied / "total.json").write_bytes(content)
    assert Results(copied).n_shards is None
    assert not Results(copied).complete
    mark = copied / "shards/00000001.json"
    before = mark.read_bytes()
    mark.write_bytes(content)
    assert Results(copied).marks.keys() == {0, 2}
    with pytest.raises(DataError, match=r"00000001\.parquet is damaged"):
        Results(copied).frame()
    mark.write_bytes(before)
    (copied / "selected.parquet").write_bytes(content)
    with pytest.raises(DataError, match="select again"):
        Results(copied).selected()
    (copied / "run.json").write_bytes(content)
    with pytest.raises(DataError, match=r"is damaged|no results"):
        Results(copied)


def test_a_changed_bit_is_found(copied):
    path = copied / "shards/00000001.parquet"
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 1
    path.write_bytes(content)
    assert len(Results(copied)._read(0, ["id"])) == 25
    with pytest.raises(DataError, match=r"00000001\.parquet is damaged"):
        Results(copied).frame()


def test_a_changed_unit_is_found(copied):
    path = copied / "run.json"
    path.write_text(path.read_text().replace('"eV"', '"eW"'))
    with pytest.raises(DataError, match="differs from its copy in shard 0"):
        Results(copied).frame()


def test_rows_that_do_not_exist_are_an_error(folder):
    for place in ((0, 25), (0, -1)):
        with pytest.raises(DataError, match="shard 0 has 25 rows"):
            Results(folder).atoms([place])
    with pytest.raises(DataError, match=r"00000009\.parquet cannot be read"):
        Results(folder).atoms([(9, 0)])
