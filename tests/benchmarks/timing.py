"""Medians of alternating repetitions, on as many threads as said."""

from __future__ import annotations

from contextlib import contextmanager
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, NamedTuple

import torch

from .table import Row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def medians(*functions: Callable[[], object], repetitions: int) -> list[float]:
    """Time functions in turns, A B A B, and give the median of each. Seconds.

    Every function runs once before, so that nothing is compiled or loaded while the clock
    runs. In turns, because a machine gets slower and faster while others use it.
    """
    for function in functions:
        function()
    times: list[list[float]] = [[] for _ in functions]
    for _ in range(repetitions):
        for function, own in zip(functions, times, strict=True):
            start = perf_counter()
            function()
            own.append(perf_counter() - start)
    return [median(own) for own in times]


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
