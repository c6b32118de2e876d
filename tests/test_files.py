"""Files are replaced completely or not at all."""

import pytest

from ase_orbital.files import atomic_write, write_csv, write_text


def test_the_new_file_replaces_the_old_one_when_it_is_complete(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("old")
    with atomic_write(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
        assert temporary.name == "table.csv"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("old")

    def write_half():
        with atomic_write(path) as temporary:
            temporary.write_text("half")
            raise ValueError("the disk is full")

    with pytest.raises(ValueError, match="full"):
        write_half()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_half_written_files_are_not_found_beside_the_file(tmp_path):
    with atomic_write(tmp_path / "a.npz") as temporary:
        temporary.write_bytes(b"half")
        assert list(tmp_path.glob("*.npz")) == []
    assert list(tmp_path.glob("*.npz")) == [tmp_path / "a.npz"]


def test_two_writers_of_one_file_do_not_meet(tmp_path):
    path = tmp_path / "table.csv"
    with atomic_write(path) as first, atomic_write(path) as second:
        first.write_text("first")
        second.write_text("second")
    assert path.read_text() == "first"  # it was done last
    assert list(tmp_path.iterdir()) == [path]


def test_text_and_tables_replace_older_files(tmp_path):
    path = tmp_path / "table.csv"
    write_text(path, "energy in Å and eV\n")
    assert path.read_text(encoding="utf-8") == "energy in Å and eV\n"
    write_csv(path, [("id", "reason"), ("a", "no gap, no energy")])
    assert path.read_bytes() == b'id,reason\r\na,"no gap, no energy"\r\n'
    assert list(tmp_path.iterdir()) == [path]
