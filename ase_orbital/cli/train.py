"""ase-orbital train: train a model, and write it with its card, metrics and figures."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any

from ase_orbital.cli.results import names_in, table
from ase_orbital.cli.settings import add_settings, given
from ase_orbital.properties import transformed_unit

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from ase_orbital.models.crystal_model import CrystalModel


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
    parser.add_argument(
        "--folds",
        type=int,
        metavar="N",
        help="cross-validate: train N models, each of which is tested on another fold",
    )
    add_settings(parser)


def run(arguments: Namespace) -> None:
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    if arguments.folds is not None:
        _cross_validate(arguments)
        return
    from ase_orbital.training import train

    command = " ".join(["ase-orbital", *sys.argv[1:]])
    done = train(
        arguments.data,
        arguments.output,
        settings_of(arguments),
        cache=arguments.cache,
        other_data=arguments.other_data,
        card={"command": f"`{command}`", "data": f"`{arguments.data.name}`"},
    )
    sets = {name: at.metrics for name, at in done.evaluations.items()}
    names = names_in(sets.values())
    rows = [[name, *(at.get(name) for at in sets.values())] for name in names]
    print(table(("metric", *sets), rows))
    print(f"\n{errors_in(done.model)}")
    print(f"model: {arguments.output / 'model'}")


def _cross_validate(arguments: Namespace) -> None:
    from ase_orbital.training import cross_validate

    folds = cross_validate(
        arguments.data,
        arguments.output,
        settings_of(arguments),
        arguments.folds,
        arguments.cache,
    )
    names = [name for name in names_in(folds) if name not in ("fold", "set")]
    rows = [[at["fold"], *(at.get(name) for name in names)] for at in folds]
    columns = [[float(at[name]) for at in folds if name in at] for name in names]
    rows.append(["mean", *map(fmean, columns)])
    spread = [stdev(column) if len(column) > 1 else None for column in columns]
    rows.append(["standard deviation", *spread])
    print(table(("test set", *names), rows))
    print(f"\npredictions of all test sets: {arguments.output / 'predictions.csv'}")


def errors_in(model: CrystalModel) -> str:
    """Say which units the errors have, and what mae_of_mean is."""
    if model.n_classes is not None:
        return "accuracy_of_majority: of predicting the more frequent class"
    unit = transformed_unit(model.unit or "the unit of the data", model.transform)
    text = f"errors in {unit}; mae_of_mean: of predicting the mean of the training set"
    if model.transform != "identity":
        text += f"; of the property: in {model.unit or 'its unit'}"
    return text


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
