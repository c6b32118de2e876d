"""Run a function in several processes."""

from __future__ import annotations

import os
import signal
from collections import deque
from collections.abc import Sized
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import chain, islice
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from threading import Thread
from typing import TYPE_CHECKING, TypeVar

import torch

from ase_orbital.errors import ProcessError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator
    from concurrent.futures import Future

T = TypeVar("T")
R = TypeVar("R")

AHEAD = 4  # items for each process that are submitted before their results are taken


def map_in_processes(
    function: Callable[[T], R], items: Iterable[T], workers: int
) -> Iterator[R]:
    """Apply a function to each item, and yield the results in the order of the items.

    The processes are spawned, because a forked process inherits the locks of torch and
    numba. Starting them takes some seconds, so each item should be worth that time. They
    share the caller's torch threads. After an error or Ctrl-C, no further item is started,
    and if this process is killed, they end as well. The function has to be importable from
    a module, because it is pickled. Items are taken from an iterator as they are needed:
    four for each process (`workers`) are there at a time.

    Raises
    ------
    ProcessError
        If a process ends before its work is done. Errors of the function are raised as
        they are.
    """
    if isinstance(items, Sized):
        workers = min(workers, len(items))
    workers = max(1, workers)
    n_threads = max(1, torch.get_num_threads() // workers)
    pool = ProcessPoolExecutor(
        workers, get_context("spawn"), initializer=_start, initargs=(n_threads,)
    )
    pending: deque[Future[R]] = deque()
    try:
        for item in items:
            pending.append(pool.submit(function, item))
            while pending and (pending[0].done() or len(pending) >= AHEAD * workers):
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    except BrokenProcessPool as error:
        raise ProcessError(
            f"one of {workers} processes ended before its work was done: use fewer "
            "workers if memory was short, and in a script start from within "
            'if __name__ == "__main__":'
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def map_with_workers(
    function: Callable[[T], R], items: Iterable[T], workers: int
) -> Generator[R]:
    """As `map_in_processes`, but in this process if there is one worker, or one item."""
    todo = iter(items)
    first = list(islice(todo, 2))
    todo = chain(first, todo)
    if workers < 2 or len(first) < 2:
        yield from map(function, todo)
    else:
        yield from map_in_processes(function, todo, workers)


def n_cpus() -> int:
    """Return the number of CPUs that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _start(n_threads: int) -> None:
    """Prepare a process."""
    torch.set_num_threads(n_threads)
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends it, without a traceback
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """End this process when its parent is killed, which would leave it waiting for ever."""
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
