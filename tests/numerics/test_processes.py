"""Processes return what a loop returns, and end with the caller."""

import os
import signal
import subprocess
import sys
import time

import pytest
import torch

from ase_orbital.errors import ProcessError
from ase_orbital.numerics.processes import AHEAD, map_in_processes

INTERRUPTED = """
import time
from functools import partial
from ase_orbital.numerics.processes import map_in_processes

if __name__ == "__main__":
    for _ in map_in_processes(time.sleep, [0.0, 600.0, 600.0, 600.0], 2):
        print("started", flush=True)
"""
UNGUARDED = """
from ase_orbital.numerics.processes import map_in_processes

print(list(map_in_processes(abs, [-1, -2], 2)))
"""


KILLED = """
import os, time
from ase_orbital.numerics.processes import map_in_processes

def slow(seconds):
    time.sleep(seconds)
    return os.getpid()

if __name__ == "__main__":
    for process in map_in_processes(slow, [0.0, 600.0], 1):
        print(process, flush=True)
"""


def threads_and_process(_):
    return torch.get_num_threads(), os.getpid()


def test_results_have_the_order_of_the_items():
    assert list(map_in_processes(abs, [-3, 1, -2, 5], 2)) == [3, 1, 2, 5]


def test_no_items_need_no_process():
    assert list(map_in_processes(abs, [], 2)) == []


def test_processes_share_the_threads_of_the_caller(monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 4)
    found = [*map_in_processes(threads_and_process, range(4), 2)]
    assert {threads for threads, _ in found} == {2}
    assert os.getpid() not in {process for _, process in found}


def test_items_are_taken_as_they_are_needed():
    taken = []

    def items():
        for number in range(100):
            taken.append(number)
            yield number

    results = map_in_processes(abs, items(), 2)
    assert next(results) == 0
    assert len(taken) <= 2 * AHEAD
    assert list(results) == list(range(1, 100))


def test_an_error_of_the_function_is_raised_as_it_is():
    with pytest.raises(ValueError, match="invalid literal"):
        list(map_in_processes(int, ["1", "one"], 2))


def test_a_process_that_dies_is_one_clear_error():
    with pytest.raises(ProcessError, match=r"one of 2 processes ended .* fewer workers"):
        list(map_in_processes(os._exit, [3, 3], 2))


def test_a_script_without_its_guard_is_told_so(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(UNGUARDED)
    done = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 1
    assert 'start from within if __name__ == "__main__":' in done.stderr


def test_an_interrupt_ends_all_processes_at_once(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(INTERRUPTED)
    command = [sys.executable, script]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as running:
        assert running.stdout.readline() == "started\n"
        os.killpg(running.pid, signal.SIGINT)  # as Ctrl-C in a terminal does
        assert running.wait(timeout=60) != 0
    assert ended(running.pid)


def test_processes_end_when_their_parent_is_killed(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(KILLED)
    command = [sys.executable, script]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as running:
        assert int(running.stdout.readline()) != running.pid
        running.kill()
        running.wait(timeout=60)
    assert ended(running.pid)


def ended(group):
    """Whether no process of a group is left, after up to a minute."""
    for _ in range(600):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    return False
