"""Torch on one thread a task, and as many tasks at a time as torch has threads.

A structure makes small matrices, and over these the threads of one operation cost more than
they bring: up to a hundred times the whole, where another process wants the cores too. A
thread's own setting leaves that of the caller alone.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
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
    n_threads = min(torch.get_num_threads(), len(items))
    if torch.get_num_threads() == 1 or n_threads == 0:
        yield from map(function, items)
        return
    with ThreadPoolExecutor(
        n_threads, initializer=torch.set_num_threads, initargs=(1,)
    ) as pool:
        yield from pool.map(function, items)
