"""Results of searches: one line of a file for each, and the tables made from them."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any

from scipy.stats import binomtest

from .search import METHODS
from .variants import VARIANTS, WITH_MODEL

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

FILE = "results.jsonl"


@dataclass(frozen=True)
class Task:
    """One search; equal tasks are run once."""

    system: str
    method: str
    variant: str
    seed: int
    potential: str
    budget: int
    model: str | None = None  # where the variant has one, with the checksum of its weights

    @classmethod
    def of(cls, record: dict[str, Any]) -> Task:
        """Return the task of a result."""
        return cls(**{name: record[name] for name in cls.__dataclass_fields__})


def read(folder: Path) -> dict[Task, dict[str, Any]]:
    """Read all complete lines; a process that was killed can have left half a line."""
    path = folder / FILE
    found = {}
    for line in path.read_text("utf-8").splitlines() if path.is_file() else []:
        try:
            record = json.loads(line)
            found[Task.of(record)] = record
        except (json.JSONDecodeError, KeyError):
            continue
    return found


def append(folder: Path, task: Task, outcome: dict[str, Any]) -> None:
    """Write a line at once, after the end of one that was cut off."""
    line = json.dumps({**vars(task), **outcome}) + "\n"
    with (folder / FILE).open("ab+") as file:
        if file.seek(0, os.SEEK_END):
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                line = "\n" + line
        file.write(line.encode())
        file.flush()
        os.fsync(file.fileno())


def tasks(
    systems: Sequence[str],
    methods: Sequence[str],
    variants: Sequence[str],
    seeds: Iterable[int],
    *,
    potential: str,
    budget: int,
    model: str,
) -> list[Task]:
    """List the searches, all of one seed before those of the next."""
    return [
        Task(
            system, method, variant, seed, potential, budget,
            model if variant in WITH_MODEL else None,
        )
        for seed in seeds
        for system in systems
        for variant in variants
        for method in methods
    ]  # fmt: skip


def interval(found: int, runs: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a success rate."""
    limits = binomtest(found, runs).proportion_ci(0.95, method="wilson")
    return float(limits.low), float(limits.high)


def per_success(records: Sequence[dict[str, Any]], cost: str) -> float | None:
    """Cost of all runs, also of those without success, divided by the number of successes.

    This is the expected cost until the ground state is found if searches are started anew
    when the budget is spent. None without a success.
    """
    found = sum(record["found"] for record in records)
    return sum(record[cost] for record in records) / found if found else None


def summary(records: Sequence[dict[str, Any]]) -> list[str]:
    """Make a table with a row for each method and variant.

    A method is compared on the systems and seeds that all its variants with results have.
    """
    rows = [
        "| method | variant | searches | found | 95 % interval | evaluations per success "
        "| against plain | processor time per success |",
        "|---|---|---:|---:|---|---:|---:|---:|",
    ]
    for method in METHODS:
        by_variant: dict[str, dict[tuple[str, int], dict[str, Any]]] = {}
        for each in records:
            if each["method"] == method:
                key = each["system"], each["seed"]
                by_variant.setdefault(each["variant"], {})[key] = each
        if not by_variant:
            continue
        shared = set.intersection(*map(set, by_variant.values()))
        plain = None
        for variant in filter(by_variant.__contains__, VARIANTS):
            chosen = [by_variant[variant][key] for key in sorted(shared)]
            if not chosen:
                continue
            found = sum(each["found"] for each in chosen)
            low, high = interval(found, len(chosen))
            cost = per_success(chosen, "evaluations")
            time = per_success(chosen, "processor")
            plain = cost if variant == VARIANTS[0] else plain
            ratio = "" if cost is None or plain is None else f"{cost / plain:.2f}"
            rows.append(
                f"| {method} | {variant} | {len(chosen)} | {found} "
                f"| {low:.0%} to {high:.0%} | {_number(cost)} | {ratio} "
                f"| {_number(time, ' s')} |"
            )
    return rows


def details(records: Sequence[dict[str, Any]], systems: Sequence[str]) -> list[str]:
    """Make a table with a row for each system and method."""
    rows = [
        f"| system | method | {' | '.join(VARIANTS)} | lowest energy |",
        f"|---|---|{'---|' * len(VARIANTS)}---:|",
    ]
    for system in systems:
        for method in METHODS:
            own = [
                each
                for each in records
                if (each["system"], each["method"]) == (system, method)
            ]
            if not own:
                continue
            cells = []
            for variant in VARIANTS:
                runs = [each for each in own if each["variant"] == variant]
                successes = [each["evaluations"] for each in runs if each["found"]]
                cell = f"{len(successes)} of {len(runs)}" if runs else ""
                cells.append(cell + (f", {median(successes):.0f}" if successes else ""))
            lowest = min(each["lowest"] for each in own)
            rows.append(f"| {system} | {method} | {' | '.join(cells)} | {lowest:+.3f} |")
    return rows


def _number(value: float | None, unit: str = "") -> str:
    return "none" if value is None else f"{value:,.0f}{unit}"
