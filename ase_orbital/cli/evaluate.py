"""ase-orbital evaluate: test models on crystals whose property is known."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ase_orbital.cli.options import add_models
from ase_orbital.cli.results import table
from ase_orbital.cli.structures import add_format
from ase_orbital.cli.train import errors_in

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("data", type=Path, help="crystals, as for `ase-orbital train`")
    add_models(parser, "to compare models of one property and their mean")
    parser.add_argument("--column", help="column of the target (default: the property)")
    parser.add_argument(
        "--at-most",
        type=float,
        help="for classes: 1 where the column is at most this value",
    )
    parser.add_argument(
        "--id", default="id", help="column of the identifier (default: %(default)s)"
    )
    parser.add_argument(
        "--where", metavar="COLUMN", help="use only crystals for which this column is true"
    )
    parser.add_argument(
        "--only",
        choices=("test", "train", "validation"),
        help="use only crystals in this set of the run that made the model",
    )
    add_format(parser)
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="FOLDER",
        help="folder for predictions (CSV) and figures",
    )
    parser.add_argument(
        "--cache", type=Path, metavar="FOLDER", help="folder of computed features"
    )
    parser.add_argument(
        "--workers",
        type=int,
        default=1,
        help="number of processes that compute features (default: %(default)s)",
    )


def run(arguments: Namespace) -> None:
    from ase_orbital.training.comparison import compare
    from ase_orbital.training.evaluation import evaluate_mean
    from ase_orbital.zoo.folders import load_model

    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
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
        only=arguments.only,
        format=arguments.format,
        workers=arguments.workers,
        progress=sys.stderr.isatty(),
    )
    if len(models) > 1:
        transform = next(iter(models.values())).transform
        evaluations["all together"] = evaluate_mean([*evaluations.values()], transform)
    names = list(dict.fromkeys(name for e in evaluations.values() for name in e.metrics))
    rows = [
        [model, *(evaluation.metrics.get(name) for name in names)]
        for model, evaluation in evaluations.items()
    ]
    print(table(("model", *names), rows))
    print(f"\n{errors_in(next(iter(models.values())))}")
    if arguments.output:
        print(f"predictions and figures: {arguments.output}")
