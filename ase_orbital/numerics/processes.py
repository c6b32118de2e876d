"""Run a function in several processes."""

from __future__ import annotations

import signal
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import TYPE_CHECKING, TypeVar

import torch

from ase_orbital.errors import ProcessError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

T = TypeVar("T")
R = TypeVar("R")


def map_in_processes(
    function: Callable[[T], R], items: Sequence[T], workers: int
) -> Iterator[R]:
    """Apply a function to each item, and yield the results in the order of the items.

    The processes are spawned, because a forked process inherits the locks of torch and
    numba. Starting them takes some seconds, so each item should be worth that time. They
    share the caller's torch threads. After an error or Ctrl-C, no further item is started.
    The function has to be importable from a module, because it is pickled. No more
    processes (`workers`) than items are started.

    Raises
    ------
    ProcessError
        If a process ends before its work is done. Errors of the function are raised as
        they are.
    """
    workers = min(workers, len(items))
    n_threads = max(1, torch.get_num_threads() // max(1, workers))
    pool = ProcessPoolExecutor(
        max(1, workers), get_context("spawn"), initializer=_start, initargs=(n_threads,)
    )
    try:
        yield from pool.map(function, items)
    except BrokenProcessPool as error:
        raise ProcessError(
            f"one of {workers} processes ended before its work was done: use fewer "
            "workers if memory was short, and in a script start from within "
            'if __name__ == "__main__":'
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _start(n_threads: int) -> None:
    """Prepare a process."""
    torch.set_num_threads(n_threads)
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends it, without a traceback
