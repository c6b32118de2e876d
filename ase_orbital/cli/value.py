"""ase-orbital value: print one predicted number per structure, for programs to read.

A program must not take an error for a number. So each structure has its line, in the given
order; if it cannot be predicted, the line is `failed`, the reason is on stderr, and the
exit status is 1. If no structure can be predicted, because of a model or an option, stdout
stays empty.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from ase_orbital.cli.options import add_device, add_models
from ase_orbital.cli.startup import imports
from ase_orbital.cli.structures import (
    NamedStructure,
    add_files,
    checked_frames,
    plain_warnings,
)
from ase_orbital.errors import SettingError
from ase_orbital.properties import DOMAIN_EXCESS, IN_DOMAIN, STD

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
    add_device(parser)


def run(arguments: Namespace) -> int:
    names = list(dict.fromkeys(arguments.model))
    with imports():
        from ase_orbital.predict.predictor import Predictor

        domain = arguments.property in (IN_DOMAIN, DOMAIN_EXCESS)
        predictor = Predictor(names, device=arguments.device, domain=domain)
    wanted = arguments.property or _only_property(predictor)
    if wanted not in predictor.properties:
        raise SettingError(
            f"{wanted!r} is not predicted; available: {', '.join(predictor.properties)}"
        )
    structures = [
        found
        for given in arguments.files
        for found in checked_frames(given, predictor.validate, arguments.format)
    ]
    good = [one for one in structures if isinstance(one, NamedStructure)]
    with plain_warnings():
        records = iter(predictor.predict_many((at.atoms for at in good), errors="record"))
    lines = []
    for one in structures:
        if isinstance(one, NamedStructure):
            record = next(records)
        else:
            record = {"error": str(one.error)}
        lines.append(FAILED if record["error"] else repr(record[wanted]))
        if record["error"]:
            print(f"{one.label}: {record['error']}", file=sys.stderr)
    print("\n".join(lines))
    return int(FAILED in lines)


def _only_property(predictor: Predictor) -> str:
    names = [name for name in predictor.properties if not name.endswith(STD)]
    if len(names) > 1:
        raise SettingError(
            f"these models predict {', '.join(names)}; choose one with --property"
        )
    return names[0]
