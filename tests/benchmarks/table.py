"""Rows of the table: what was measured, against what, and what was asked for."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any

COSTS = {"µs", "ms", "MiB"}  # units of which less is better
HEADER = (
    "| what | set | ours | against | ratio | reach | met |\n"
    "|---|---|---:|---:|---:|---:|---|"
)


class SkippedError(Exception):
    """Something a row needs is not here; the message says what, and how to get it."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One measurement.

    Parameters
    ----------
    what, crystals
        What was measured, on which set.
    ours, against
        The two figures, both in `unit`; None where there is nothing to compare with.
    times
        How many times as fast as the other ours is to be, at least.
    limit
        What ours is to be at least, or at most for a cost.
    """

    what: str
    crystals: str
    unit: str
    ours: float
    against: float | None = None
    times: float | None = None
    limit: float | None = None

    @property
    def ratio(self) -> float | None:
        """How many times as good as the other ours is."""
        if self.against is None:
            return None
        return self.against / self.ours if self.unit in COSTS else self.ours / self.against

    @property
    def met(self) -> bool | None:
        """Whether it does what was asked for; None if nothing was."""
        if self.times is not None:
            assert self.ratio is not None
            return self.ratio >= self.times
        if self.limit is not None:
            within = self.ours <= self.limit
            return within if self.unit in COSTS else not within
        return None

    @property
    def reach(self) -> str:
        """What was asked for, in words."""
        if self.times is not None:
            return f"≥ {number(self.times)} x"
        if self.limit is not None:
            return f"{'≤' if self.unit in COSTS else '≥'} {number(self.limit)} {self.unit}"
        return ""

    def __str__(self) -> str:
        """Line of the table."""
        ratio = "" if self.ratio is None else f"{number(self.ratio)} x"
        other = "" if self.against is None else f"{number(self.against)} {self.unit}"
        met = {True: "yes", False: "**no**", None: ""}[self.met]
        ours = f"{number(self.ours)} {self.unit}"
        cells = (self.what, self.crystals, ours, other, ratio, self.reach, met)
        return f"| {' | '.join(cells)} |"


def number(value: float) -> str:
    """Three figures, and all figures of whole numbers above 100."""
    return f"{value:,.0f}" if abs(value) >= 100.0 else f"{value:.3g}"


def peer(name: str) -> Any:
    """Import a library to compare with, or say how to get it."""
    try:
        return import_module(name)
    except ImportError as error:
        package = name.partition(".")[0]
        raise SkippedError(
            f"{package} cannot be imported ({error}); see tests/benchmarks/README.md for "
            "how to install it"
        ) from error
