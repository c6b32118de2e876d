"""Rows of the table: a measurement, what it is compared with, and its goal."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any

COSTS = {"µs", "ms", "MiB"}  # units in which less is better
HEADER = (
    "| what | set | ours | against | ratio | goal | met |\n"
    "|---|---|---:|---:|---:|---:|---|"
)


class SkippedError(Exception):
    """A row cannot be measured; the message says what it needs and how to get that."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One measurement.

    Parameters
    ----------
    what, crystals
        Name of the measurement and of the set.
    ours, against
        The two values in `unit`; None where there is nothing to compare with.
    min_ratio
        Goal for `ratio`.
    limit
        Goal for `ours`: the smallest rate or the largest cost.
    """

    what: str
    crystals: str
    unit: str
    ours: float
    against: float | None = None
    min_ratio: float | None = None
    limit: float | None = None

    @property
    def ratio(self) -> float | None:
        """How many times as fast, or as small, ours is."""
        if self.against is None:
            return None
        return self.against / self.ours if self.unit in COSTS else self.ours / self.against

    @property
    def met(self) -> bool | None:
        """Whether the goal is met; None if there is no goal."""
        if self.min_ratio is not None:
            assert self.ratio is not None
            return self.ratio >= self.min_ratio
        if self.limit is not None:
            within = self.ours <= self.limit
            return within if self.unit in COSTS else not within
        return None

    @property
    def goal(self) -> str:
        """The goal in words."""
        if self.min_ratio is not None:
            return f"≥ {number(self.min_ratio)} x"
        if self.limit is not None:
            return f"{'≤' if self.unit in COSTS else '≥'} {number(self.limit)} {self.unit}"
        return ""

    def __str__(self) -> str:
        """Return a line of the table."""
        ratio = "" if self.ratio is None else f"{number(self.ratio)} x"
        other = "" if self.against is None else f"{number(self.against)} {self.unit}"
        met = {True: "yes", False: "**no**", None: ""}[self.met]
        ours = f"{number(self.ours)} {self.unit}"
        cells = (self.what, self.crystals, ours, other, ratio, self.goal, met)
        return f"| {' | '.join(cells)} |"


def number(value: float) -> str:
    """Format with three digits, or as a whole number from 100 on."""
    return f"{value:,.0f}" if abs(value) >= 100.0 else f"{value:.3g}"


def peer(name: str) -> Any:
    """Import a package to compare with, or raise SkippedError."""
    try:
        return import_module(name)
    except ImportError as error:
        package = name.partition(".")[0]
        raise SkippedError(
            f"{package} cannot be imported ({error}); see tests/benchmarks/README.md for "
            "how to install it"
        ) from error
