"""ase-orbital evaluate: models against crystals whose property is known."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ase_orbital.cli.results import table

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("data", type=Path, help="as for `ase-orbital train`")
    parser.add_argument(
        "-m",
        "--model",
        action="append",
        required=True,
        metavar="NAME",
        help="a shipped model's name or a folder; repeat to compare models of one "
        "property, and to measure their mean",
    )
    parser.add_argument("--column", help="the target in the data (default: the property)")
    parser.add_argument(
        "--at-most", type=float, help="for classes: 1 where the column is at most this"
    )
    parser.add_argument(
        "--id", default="id", help="name of the identifier in the data [id]"
    )
    parser.add_argument(
        "--where", metavar="COLUMN", help="only crystals where this column is true"
    )
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FOLDER",
        help="for predictions as CSV, and pictures",
    )  # fmt: skip
    parser.add_argument("--cache", type=Path, metavar="FOLDER", help="of features")
    parser.add_argument(
        "--workers", type=int, default=1, help="processes to compute features with [1]"
    )


def run(arguments: Namespace) -> None:
    from ase_orbital.training.comparison import compare
    from ase_orbital.training.evaluation import committee
    from ase_orbital.zoo.folders import load_model

    models = {name: load_model(name) for name in arguments.model}
    evaluations = compare(
        models,
        arguments.data,
        folder=arguments.output,
        cache=arguments.cache,
        column=arguments.column,
        at_most=arguments.at_most,
        id=arguments.id,
        where=arguments.where,
        workers=arguments.workers,
        progress=sys.stderr.isatty(),
    )
    if len(models) > 1:
        transform = next(iter(models.values())).transform
        evaluations["all together"] = committee([*evaluations.values()], transform)
    measures = list(dict.fromkeys(m for e in evaluations.values() for m in e.metrics))
    rows = [
        [name, *(_cell(evaluation.metrics.get(measure)) for measure in measures)]
        for name, evaluation in evaluations.items()
    ]
    print(table(("model", *measures), rows))
    if arguments.output:
        print(f"\npredictions and pictures: {arguments.output}")


def _cell(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.4f}" if isinstance(value, float) else str(value)
