"""ase-orbital train: train a model, and write it with its card, metrics and figures."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ase_orbital.cli.results import table
from ase_orbital.cli.settings import add_settings, given

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "data",
        type=Path,
        help="extended XYZ (also .gz) or anything ASE reads with targets in info, an ASE "
        "database, a CSV file, or a folder with id_prop.csv and structures",
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        required=True,
        metavar="FOLDER",
        help="folder of the run",
    )
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="settings as TOML or JSON"
    )
    parser.add_argument(
        "--paper",
        choices=("EOSNet", "OCrystalNet"),
        help="start from the settings of this network's paper",
    )
    parser.add_argument(
        "--cache",
        type=Path,
        metavar="FOLDER",
        help="folder of computed features, which runs can share",
    )
    parser.add_argument(
        "--other-data",
        action="store_true",
        help="resume a run even if crystals or targets have changed since it began",
    )
    add_settings(parser)


def run(arguments: Namespace) -> None:
    from ase_orbital.training import train
    from ase_orbital.training.cards import target_unit

    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    command = " ".join(["ase-orbital", *sys.argv[1:]])
    done = train(
        arguments.data,
        arguments.output,
        settings_of(arguments),
        cache=arguments.cache,
        other_data=arguments.other_data,
        card={"command": f"`{command}`", "data": f"`{arguments.data.name}`"},
    )
    unit = target_unit(done.model)
    rows = [
        [part, metric, value]
        for part, evaluation in done.evaluations.items()
        for metric, value in evaluation.metrics.items()
    ]
    print(table(("set", "metric", "value"), rows))
    print(f"\nerrors in {unit}" if unit else "")
    print(f"model: {arguments.output / 'model'}")


def settings_of(arguments: Namespace) -> Any:
    """Settings of the command line, then of the file, then of the paper or defaults."""
    from ase_orbital.training import TrainingSettings

    values: dict[str, Any] = {}
    if arguments.paper:
        values = TrainingSettings.paper(arguments.paper).to_dict()
    values |= {"workers": os.cpu_count() or 1, "progress": sys.stderr.isatty()}
    if arguments.config:
        values |= TrainingSettings.read_file(arguments.config)
    return TrainingSettings(**values | given(arguments))
