"""Medians of alternating repetitions, on as many threads as said."""

from __future__ import annotations

from contextlib import contextmanager
from math import inf
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, NamedTuple

import torch

from .table import Row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def medians(
    *functions: Callable[[], object], repetitions: int, seconds: float = inf
) -> list[float]:
    """Time functions in turns, A B A B, and give the median of each. Seconds.

    Every function runs once before, so that nothing is compiled or loaded while the clock
    runs. In turns, because a machine gets slower and faster while others use it.
    """
    turns = list(in_turns(*functions, repetitions=repetitions, seconds=seconds))
    return [median(own) for own in zip(*turns, strict=True)]


def in_turns(
    *functions: Callable[[], object], repetitions: int, seconds: float = inf
) -> Iterator[tuple[float, ...]]:
    """Yield the seconds that each function took, turn by turn, after one that warms up.

    There is at least one turn, and none begins once `seconds` have passed.
    """
    begin = perf_counter()
    for turn in range(repetitions + 1):
        if turn > 1 and perf_counter() - begin > seconds:
            break
        times = []
        for function in functions:
            start = perf_counter()
            function()
            times.append(perf_counter() - start)
        if turn:
            yield tuple(times)


class Work(NamedTuple):
    """Something to time, and how many atoms or crystals it is done with after that."""

    run: Callable[[], object]
    amount: int


def rates(
    what: str,
    crystals: str,
    unit: str,
    ours: Work,
    against: Work,
    *,
    repetitions: int,
    times: float | None = None,
) -> Row:
    """Row of how much each of two does a second."""
    mine, others = medians(ours.run, against.run, repetitions=repetitions)
    return Row(
        what=what,
        crystals=crystals,
        unit=unit,
        ours=ours.amount / mine,
        against=against.amount / others,
        times=times,
    )


@contextmanager
def threads(number: int) -> Iterator[None]:
    """Give torch, and so this package, so many threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)
