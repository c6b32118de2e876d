"""ase-orbital predict: predict properties of the structures in files."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ase_orbital.cli.options import add_device, add_models, add_output
from ase_orbital.cli.results import WRITERS, Result, table, write
from ase_orbital.cli.startup import imports
from ase_orbital.cli.structures import (
    NamedStructure,
    add_files,
    formula_of,
    read_files,
    report,
)
from ase_orbital.errors import ElementError, OrbitalError

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from ase_orbital.predict.predictor import Predictor


def add_arguments(parser: ArgumentParser) -> None:
    add_files(parser)
    add_models(parser, "for more (default: all shipped)", required=False)
    add_output(parser, WRITERS, "write to a file instead of the screen")
    parser.add_argument(
        "--domain",
        action="store_true",
        help="also print `in_domain`: whether a structure is like the training set",
    )
    add_device(parser)


def run(arguments: Namespace) -> int:
    with imports():
        from ase_orbital.predict.predictor import Predictor
        from ase_orbital.zoo.folders import list_models

    names = list(dict.fromkeys(arguments.model or list_models()))
    short = [Path(name).name for name in names]
    predictors = {
        # The whole path, if the last part is not unique.
        name if short.count(last) > 1 else last: Predictor(
            name, device=arguments.device, domain=arguments.domain
        )
        for name, last in zip(names, short, strict=True)
    }
    structures, n_bad = read_files(arguments.files)
    results: list[Result] = []
    unknown: dict[str, list[ElementError]] = {}
    for model, predictor in predictors.items():
        usable = []
        for structure in structures:
            try:
                predictor.validate(structure.atoms)
            except ElementError as error:
                unknown.setdefault(structure.label, []).append(error)
            except OrbitalError as error:
                n_bad += report(structure.label, error)
            else:
                usable.append(structure)
        results += _results(model, predictor, usable)
    for label, errors in unknown.items():
        if arguments.model:
            n_bad += sum(report(label, error) for error in errors)
        elif len(errors) == len(predictors):
            n_bad += report(label, errors[0])
        else:  # the user did not choose these models
            text = f"{label}: skipped by {len(errors)} of {len(predictors)} models"
            print(f"{text}: {errors[0]}", file=sys.stderr)
    order = {structure.label: index for index, structure in enumerate(structures)}
    results.sort(key=lambda result: order[result.structure])
    if arguments.output:
        write(results, structures, arguments.output)
    elif results:
        print(table(Result._fields, results))
    return min(n_bad, 1)


def _results(
    model: str, predictor: Predictor, structures: list[NamedStructure]
) -> list[Result]:
    """Predict for all structures with one model."""
    units = predictor.units
    show = len(structures) > 100 and sys.stderr.isatty()
    values = predictor.predict_many((atoms for _, atoms in structures), progress=show)
    return [
        Result(label, formula_of(atoms), len(atoms), name, value, units[name], model)
        for (label, atoms), predicted in zip(structures, values, strict=True)
        for name, value in predicted.items()
    ]
