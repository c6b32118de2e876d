"""Series of runs that differ in a few settings, with one table of results."""

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
    cache: str | Path | None = None,
) -> list[Row]:
    """Train one model per variant, and write a row of the table after each run.

    Finished runs are not repeated.

    Parameters
    ----------
    source
        As for `train`.
    table
        CSV file of the results. Each run has a folder beside it.
    settings
        Settings that all runs share.
    variants
        Labels and changed settings of each run. The labels are the first columns of its
        row, and must differ from those of the other runs.
    cache
        Folder of the cached features; None for one beside the table.

    Returns
    -------
    list of dict
        The rows: labels, the set that was evaluated, its metrics, and the minutes.
    """
    table.parent.mkdir(parents=True, exist_ok=True)
    cache = cache or table.parent / "features"
    rows: list[Row] = []
    for labels, changes in variants:
        name = "-".join(map(str, labels.values())).replace(" ", "-").replace("/", "-")
        run = train(source, table.parent / name, settings, cache=cache, **changes)
        last, evaluation = [*run.evaluations.items()][-1]
        minutes = run.seconds / 60.0
        rows.append(labels | {"set": last} | evaluation.metrics | {"minutes": minutes})
        with table.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)
    return rows
