"""Runs that differ in a few settings, side by side in one table."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

from ase_orbital.training.run import train

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from ase_orbital.training.dataset import Source
    from ase_orbital.training.settings import TrainingSettings

Row = dict[str, Any]


def train_series(
    source: Source,
    table: Path,
    settings: TrainingSettings,
    variants: Iterable[tuple[Row, dict[str, Any]]],
    cache: Path | None = None,
) -> list[Row]:
    """Train one network after another, and write a row as each is done.

    Parameters
    ----------
    source
        As for `train`.
    table
        CSV file; the runs are in folders beside it, and their features too without `cache`.
        What is done is not repeated.
    settings
        Of all runs.
    variants
        Of each run: the first columns of its row, unlike those of the others, and what it
        changes in the settings.

    Returns
    -------
    list of dict
        The rows: first columns, the set that was evaluated, its figures, and minutes.
    """
    rows: list[Row] = []
    for labels, changes in variants:
        name = "-".join(str(label) for label in labels.values())
        place = table.parent / name.replace(" ", "-").replace("/", "-")
        cache_folder = cache or table.parent / "features"
        run = train(source, place, settings, cache=cache_folder, **changes)
        part = list(run.evaluations)[-1]
        metrics = run.evaluations[part].metrics
        rows.append(labels | {"set": part} | metrics | {"minutes": run.seconds / 60.0})
        with table.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)
    return rows
