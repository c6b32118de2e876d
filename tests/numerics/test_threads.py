"""Tasks on one thread each, against torch's own account of its threads."""

import subprocess
import sys
import threading
import warnings
from multiprocessing import get_context

import pytest
import torch

from ase_orbital.numerics.threads import balanced_chunks, chunks_by_size, each_on_one_thread


@pytest.mark.usefixtures("two_threads")
def test_a_task_has_one_thread_and_the_caller_keeps_its_own():
    assert list(each_on_one_thread(lambda _: torch.get_num_threads(), range(4))) == [1] * 4
    assert torch.get_num_threads() == 2


@pytest.mark.usefixtures("two_threads")
def test_threads_born_later_have_what_they_would_have_had():
    list(each_on_one_thread(lambda _: None, range(4)))
    found = []
    later = threading.Thread(target=lambda: found.append(torch.get_num_threads()))
    later.start()
    later.join()
    assert found == [2]


@pytest.mark.usefixtures("two_threads")
def test_as_many_tasks_run_at_a_time_as_torch_has_threads():
    both = threading.Barrier(2, timeout=30)
    assert len(list(each_on_one_thread(lambda _: both.wait(), range(2)))) == 2


@pytest.mark.usefixtures("two_threads")
def test_results_come_in_the_order_of_the_items():
    assert list(each_on_one_thread(lambda item: item**2, range(20))) == [
        item**2 for item in range(20)
    ]
    assert list(each_on_one_thread(lambda item: item, [])) == []


def test_tasks_go_on_in_a_thread_that_outlives_the_main_one():
    """Threads are not to be had any more then: tasks run one after the other."""
    script = """
import threading, torch
from ase_orbital.numerics.threads import each_on_one_thread
torch.set_num_threads(2)
def late():
    threading.main_thread().join()
    print(list(each_on_one_thread(lambda item: item**2, range(4))))
threading.Thread(target=late).start()
"""
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    assert done.stdout.split("\n")[0] == "[0, 1, 4, 9]"


@pytest.mark.usefixtures("two_threads")
def test_tasks_within_tasks_start_no_more_threads():
    def outer(_):
        caller = threading.get_ident()
        return set(each_on_one_thread(lambda _: threading.get_ident(), range(3))) == {
            caller
        }

    assert list(each_on_one_thread(outer, range(2))) == [True, True]


@pytest.mark.usefixtures("two_threads")
def test_what_a_task_raises_reaches_the_caller():
    with pytest.raises(ZeroDivisionError):
        list(each_on_one_thread(lambda item: 1 // item, [1, 0]))


@pytest.mark.usefixtures("two_threads")
def test_a_forked_process_has_threads_of_its_own():
    assert list(each_on_one_thread(abs, [-1, -2])) == [1, 2]
    process = get_context("fork").Process(
        target=lambda: list(each_on_one_thread(abs, [-3]))
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a fork with threads: what is tested here
        process.start()
    process.join(30.0)
    assert process.exitcode == 0


@pytest.mark.usefixtures("two_threads")
def test_shares_are_small_enough_for_all_threads():
    assert balanced_chunks([1, 2, 3], [10, 5, 15], most=32) == [[1, 2], [3]]
    assert [*map(len, balanced_chunks(range(100), [1] * 100, most=32))] == [32, 32, 32, 4]
    assert balanced_chunks([1, 2], [50, 50], most=32) == [[1], [2]]
    assert balanced_chunks([], [], most=32) == []


def test_runs_keep_order_and_size():
    sizes = [3, 4, 5, 12, 1, 2, 2]
    assert [*chunks_by_size(sizes, sizes, 8)] == [[3, 4], [5], [12], [1, 2, 2]]
    assert not [*chunks_by_size([], [], 8)]
