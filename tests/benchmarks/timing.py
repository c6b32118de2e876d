"""Medians of alternating repetitions."""

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
    """Time functions in turns, A B A B, and return the median of each, in seconds.

    Every function runs once before the first turn, so that nothing is compiled or loaded
    during the measurement. Turns alternate because the speed of a shared machine varies.
    """
    turns = list(in_turns(*functions, repetitions=repetitions, seconds=seconds))
    return [median(own) for own in zip(*turns, strict=True)]


def in_turns(
    *functions: Callable[[], object], repetitions: int, seconds: float = inf
) -> Iterator[tuple[float, ...]]:
    """Yield the seconds of each function, turn by turn, after a turn to warm up.

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
    """A function to time, and the number of atoms or crystals that it processes."""

    run: Callable[[], object]
    amount: float


def rates(
    what: str,
    crystals: str,
    unit: str,
    ours: Work,
    against: Work,
    *,
    repetitions: int,
    min_ratio: float | None = None,
) -> Row:
    """Return a row that compares two rates."""
    mine, others = medians(ours.run, against.run, repetitions=repetitions)
    return Row(
        what=what,
        crystals=crystals,
        unit=unit,
        ours=ours.amount / mine,
        against=against.amount / others,
        min_ratio=min_ratio,
    )


@contextmanager
def threads(number: int) -> Iterator[None]:
    """Set the number of threads of torch, and so of this package."""
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)
