"""Torch on one thread a task, and as many tasks at a time as torch has threads.

A structure makes small matrices, and over these the threads of one operation cost more than
they bring: up to a hundred times the whole, where another process wants the cores too. A
thread's own setting leaves that of the caller alone.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from threading import Thread
from typing import TYPE_CHECKING, TypeVar

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

T = TypeVar("T")
R = TypeVar("R")


def each_on_one_thread(function: Callable[[T], R], items: Sequence[T]) -> Iterator[R]:
    """Apply a function to each item, and yield the results in the order of the items.

    Parameters
    ----------
    function
        Sets its own grad mode: that of the caller does not reach other threads.
    items
        `torch.get_num_threads()` of them at a time.
    """
    at_a_time = torch.get_num_threads()
    if at_a_time == 1 or not items:
        yield from map(function, items)
        return
    try:
        results = _pool(at_a_time).map(function, items)
    except RuntimeError:  # the main thread has ended: nothing new is taken any more
        results = map(function, items)
    yield from results


def balanced_chunks(items: Sequence[T], sizes: Sequence[int], most: int) -> list[list[T]]:
    """Divide items into shares of at most `most`, so that no thread is without."""
    each = -(-sum(sizes) // torch.get_num_threads())
    return list(chunks_by_size(items, sizes, min(most, each)))


def chunks_by_size(
    items: Sequence[T], sizes: Sequence[int], most: int
) -> Iterator[list[T]]:
    """Cut a list into runs whose sizes add up to at most `most`, or that are one item."""
    run: list[T] = []
    total = 0
    for item, size in zip(items, sizes, strict=True):
        if run and total + size > most:
            yield run
            run, total = [], 0
        run.append(item)
        total += size
    if run:
        yield run


@cache
def _pool(at_a_time: int) -> ThreadPoolExecutor:
    """Threads that stay: to start one takes as long as to describe a small crystal."""
    return ThreadPoolExecutor(
        at_a_time, initializer=_keep_to_one_thread, initargs=(at_a_time,)
    )


os.register_at_fork(after_in_child=_pool.cache_clear)  # a forked process has no threads


def _keep_to_one_thread(others: int) -> None:
    """Set this thread to one of torch's, and leave all others, born or not, with theirs."""
    torch.get_num_threads()  # torch looks up its default once a thread: let that be over
    torch.set_num_threads(1)
    # The number set last is also the default of threads yet to be born.
    restoring = Thread(target=torch.set_num_threads, args=(others,))
    restoring.start()
    restoring.join()
