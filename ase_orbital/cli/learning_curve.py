"""ase-orbital learning-curve: measure errors against the number of training crystals."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING

from ase_orbital.cli import train
from ase_orbital.cli.results import table

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    train.add_arguments(parser)
    parser.add_argument(
        "--train-on",
        type=int,
        nargs="+",
        required=True,
        metavar="N",
        help="number of training crystals of each run",
    )
    parser.add_argument(
        "--test-on", type=int, required=True, metavar="N", help="number of test crystals"
    )


def run(arguments: Namespace) -> None:
    from ase_orbital.training.series import learning_curve

    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    sizes = sorted(arguments.train_on)
    errors = learning_curve(
        arguments.data,
        arguments.output,
        train.settings_of(arguments),
        sizes=sizes,
        n_test=arguments.test_on,
        cache=arguments.cache,
    )
    rows = [
        [size, *(values[index] for values in errors.values())]
        for index, size in enumerate(sizes)
    ]
    print(table(("n_train", *errors), rows))
