"""Locks of databases are neither waited for without end nor in silence."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator
from ase.constraints import FixAtoms

from ase_orbital import databases
from ase_orbital.databases import connect, read_rows, storable, writing
from ase_orbital.errors import DataError

HOLD = """
import sys, time
from ase_orbital.databases import connect

connect(sys.argv[1]).lock.acquire()
print("locked", flush=True)
time.sleep(600)
"""


@pytest.fixture
def path(tmp_path):
    connect(tmp_path / "x.db").write(bulk("Cu"))
    return tmp_path / "x.db"


@pytest.fixture
def holder(path):
    """A process that holds the lock of the database."""
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "locked\n"
        yield process
        process.kill()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_the_lock_of_a_killed_process_is_removed(path, holder, how):
    holder.send_signal(how)
    holder.wait()
    assert path.with_name("x.db.lock").exists()
    start = time.monotonic()
    assert connect(path).write(bulk("Al")) == 2
    assert time.monotonic() - start < databases.PATIENCE / 2
    assert not path.with_name("x.db.lock").exists()


def test_the_lock_of_a_living_process_is_named(path, holder, monkeypatch):
    monkeypatch.setattr(databases, "PATIENCE", 0.1)
    with pytest.raises(DataError, match=rf"x\.db is locked by .*-{holder.pid}; .*db\.lock"):
        connect(path).write(bulk("Al"))
    assert path.with_name("x.db.lock").exists()


def test_a_lock_of_unknown_origin_is_named(path, monkeypatch):
    """Such as one of ASE itself, which writes nothing into it."""
    path.with_name("x.db.lock").touch()
    monkeypatch.setattr(databases, "PATIENCE", 0.1)
    with pytest.raises(DataError, match=r"unknown program.*remove the file .*x\.db\.lock"):
        connect(path).write(bulk("Al"))


def test_reading_waits_for_no_lock(path):
    path.with_name("x.db.lock").touch()
    assert [row.formula for row in connect(path).select()] == ["Cu"]


def test_writers_take_turns(path):
    def write(number):
        connect(path).write(bulk("Cu"), number=number)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(12)))
    assert sorted(row.number for row in connect(path).select("number")) == list(range(12))


def test_the_lock_contains_its_process(path):
    with connect(path).lock:
        assert path.with_name("x.db.lock").read_text().endswith(f"-{os.getpid()}")
    assert not path.with_name("x.db.lock").exists()


@pytest.mark.parametrize("name", ["rows.db", "rows.json"])
@pytest.mark.parametrize(
    ("index", "expected"),
    [(":", "Cu Al Ag"), ("-1:", "Ag"), ("1:2", "Al"), ("::-2", "Ag Cu"), ("5:", "")],
)
def test_rows_are_read_with_unknown_constraints(tmp_path, caplog, name, index, expected):
    path, database = tmp_path / name, connect(tmp_path / name)
    for symbol in ("Cu", "Al", "Ag"):
        atoms = bulk(symbol)
        atoms.calc = SinglePointCalculator(atoms, energy=-1.0)
        atoms.set_constraint(FixAtoms([0]))
        database.write(atoms)
    change_constraint(path)
    found = read_rows(path, index)
    assert " ".join(str(atoms.symbols) for atoms in found) == expected
    for atoms in found:
        assert atoms.get_potential_energy() == -1.0
        assert len(atoms.constraints) == (str(atoms.symbols) != "Al")
    assert ("row 2 is read without" in caplog.text) == ("Al" in expected)


def change_constraint(path):
    """Let the second row have a constraint of a class that is not installed."""
    if path.suffix == ".json":
        text = path.read_text().split("FixAtoms")
        path.write_text("FixAtoms".join(text[:2]) + "Unknown" + "FixAtoms".join(text[2:]))
        return
    with sqlite3.connect(path) as file:
        file.execute(
            "UPDATE systems SET constraints = replace(constraints, 'FixAtoms', 'Unknown') "
            "WHERE id = 2"
        )


def test_texts_that_are_numbers_become_numbers():
    pairs = {"run": "17", "final": "True", "share": "0.5", "name": "first", "step": 3}
    found = storable(pairs)
    assert found == {"run": 17, "final": True, "share": 0.5, "name": "first", "step": 3}


def test_a_full_disk_is_one_clear_error(tmp_path):
    resource = pytest.importorskip("resource")
    path, child = tmp_path / "a.db", os.fork()
    if child == 0:  # a limit of the system stands for the size of the disk
        code = 1
        try:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
            with writing(path) as database:
                database.write(bulk("Cu"))
        except DataError as error:
            code = 0 if "the database a.db is not written" in str(error) else 2
        finally:
            os._exit(code)
    assert os.WEXITSTATUS(os.waitpid(child, 0)[1]) == 0
