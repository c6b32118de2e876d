"""Locks of databases are neither waited for without end nor in silence."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from ase.build import bulk

from ase_orbital import databases
from ase_orbital.databases import connect, storable
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


def test_texts_that_are_numbers_become_numbers():
    pairs = {"run": "17", "final": "True", "share": "0.5", "name": "first", "step": 3}
    found = storable(pairs)
    assert found == {"run": 17, "final": True, "share": 0.5, "name": "first", "step": 3}
