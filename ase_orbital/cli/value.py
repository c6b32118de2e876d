"""ase-orbital value: print one predicted number per structure, for programs to read.

A program must not take an error for a number. So each structure has its line, in the given
order; if it cannot be predicted, the line is `failed`, the reason is on stderr, and the
exit status is 1. If no structure can be predicted, because of a model or an option, stdout
stays empty.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ase_orbital.cli.options import add_device, add_models
from ase_orbital.cli.startup import imports
from ase_orbital.cli.structures import NamedStructure, add_files, checked_frames, report
from ase_orbital.errors import ModelError, OrbitalError, SettingError
from ase_orbital.properties import IN_DOMAIN, STD

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from ase_orbital.predict.predictor import Predictor

FAILED = "failed"


def add_arguments(parser: ArgumentParser) -> None:
    add_files(parser, "a POSCAR, or any other format that ASE reads; one line per frame")
    add_models(parser, "for the mean of several")
    parser.add_argument(
        "-p",
        "--property",
        metavar="NAME",
        help=f"band_gap, band_gap{STD}, {IN_DOMAIN}, ... (default: the predicted property, "
        "if there is only one)",
    )
    parser.add_argument(
        "--format",
        metavar="NAME",
        help="ASE's name of the file format, such as vasp (default: from the file name)",
    )
    add_device(parser)


def run(arguments: Namespace) -> int:
    names = list(dict.fromkeys(arguments.model))
    with imports():
        from ase_orbital.predict.predictor import Predictor

        predictor = Predictor(
            names, device=arguments.device, domain=arguments.property == IN_DOMAIN
        )
    wanted = arguments.property or _only_property(predictor)
    if wanted not in predictor.properties:
        raise SettingError(
            f"{wanted!r} is not predicted; available: {', '.join(predictor.properties)}"
        )
    structures = [
        found
        for path in arguments.files
        for found in checked_frames(path, predictor.validate, arguments.format)
    ]
    values = iter(_predicted(predictor, wanted, [one for one in structures if one]))
    lines = [FAILED if one is None else next(values) for one in structures]
    print("\n".join(lines))
    return int(FAILED in lines)


def _only_property(predictor: Predictor) -> str:
    names = [name for name in predictor.properties if not name.endswith(STD)]
    if len(names) > 1:
        raise SettingError(
            f"these models predict {', '.join(names)}; choose one with --property"
        )
    return names[0]


def _predicted(
    predictor: Predictor, name: str, structures: list[NamedStructure]
) -> list[str]:
    """Values as lines; if predicting together fails, one by one to find which fail."""
    try:
        predictions = predictor.predict_many(atoms for _, atoms in structures)
    except OrbitalError as error:
        if len(structures) > 1:
            return [_predicted(predictor, name, [one])[0] for one in structures]
        report(structures[0].label, error)
        return [FAILED]
    lines = []
    for (label, _), prediction in zip(structures, predictions, strict=True):
        value = prediction[name]
        finite = math.isfinite(value)
        if not finite:
            report(label, ModelError(f"the model predicts {value} for {name}"))
        lines.append(repr(value) if finite else FAILED)
    return lines
