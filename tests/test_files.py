"""Files are replaced completely or not at all."""

import subprocess
import sys
from zipfile import BadZipFile, ZipFile

import pytest

from ase_orbital.files import (
    atomic_write,
    check_zip,
    is_gone,
    process_name,
    replace_files,
    write_csv,
    write_text,
)

UNFINISHED = """
import sys, time
from pathlib import Path
from ase_orbital.files import atomic_write, process_name

with atomic_write(Path(sys.argv[1])) as temporary:
    temporary.write_text("half")
    print(process_name(), flush=True)
    time.sleep(600)
"""


@pytest.fixture
def unfinished(tmp_path):
    """A process in the middle of writing table.csv, and its name."""
    command = [sys.executable, "-c", UNFINISHED, str(tmp_path / "table.csv")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        yield process, process.stdout.readline().strip()
        process.kill()


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


def test_what_a_killed_process_left_is_removed_at_the_next_write(tmp_path, unfinished):
    process, _ = unfinished
    path = tmp_path / "table.csv"
    write_text(path, "while it lives")
    assert len(list(tmp_path.iterdir())) == 2
    process.kill()
    process.wait()
    write_text(tmp_path / "table.csv.bak", "another file")
    assert len(list(tmp_path.iterdir())) == 3
    write_text(path, "the next")
    assert sorted(item.name for item in tmp_path.iterdir()) == [
        "table.csv",
        "table.csv.bak",
    ]
    assert path.read_text() == "the next"


def test_a_process_is_gone_when_it_has_ended(unfinished):
    process, name = unfinished
    assert not is_gone(name)
    assert not is_gone(process_name())
    process.kill()
    process.wait()
    assert is_gone(name)


@pytest.mark.parametrize("name", ["", "elsewhere-1", "3", "-", "a-b-c"])
def test_nothing_is_known_of_other_machines_and_names(name):
    assert not is_gone(name)
    assert not is_gone(process_name() + "x")


def test_files_with_long_names_are_written(tmp_path):
    write_text(tmp_path / ("é" * 125 + ".txt"), "text")
    assert len(list(tmp_path.iterdir())) == 1


def test_files_of_a_folder_are_replaced_together(tmp_path):
    replace_files(tmp_path, {"a": b"1", "b": b"2"})
    with pytest.raises(TypeError):
        replace_files(tmp_path, {"a": b"3", "b": "no bytes"})
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == {
        "a": b"1",
        "b": b"2",
    }


def test_a_changed_bit_in_a_zip_file_is_found(tmp_path):
    path = tmp_path / "weights.zip"
    with ZipFile(path, "w") as file:
        file.writestr("weights", b"0123456789")
    check_zip(path)
    path.write_bytes(path.read_bytes().replace(b"0123", b"0122"))
    with pytest.raises(BadZipFile, match="weights differs from its checksum"):
        check_zip(path)
