"""ase-orbital ablate: train each network on each descriptor, and print a table."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING

from ase_orbital.cli import train
from ase_orbital.cli.results import names_in, table

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    train.add_arguments(parser)


def run(arguments: Namespace) -> None:
    from ase_orbital.training.series import ablate

    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    arguments.output.mkdir(parents=True, exist_ok=True)
    entries = ablate(
        arguments.data, arguments.output, train.settings_of(arguments), arguments.cache
    )
    names = names_in(entries)
    print(table(names, ([entry.get(name) for name in names] for entry in entries)))
