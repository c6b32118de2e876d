"""ase-orbital value: structures in, one number a line out, for searches to call.

A program that reads the output must not take an error for a number. So each structure has
its line, in the order given, and that of one without an answer says `failed`; why is on
stderr, and the exit status is 1. If there can be no answer at all, stdout stays empty.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from ase_orbital.cli.structures import Labeled, labeled, report
from ase_orbital.errors import ModelError, OrbitalError, SettingError
from ase_orbital.properties import IN_DOMAIN, STD
from ase_orbital.structure import read_frames

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from ase_orbital.predict.predictor import Predictor

FAILED = "failed"


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "files",
        nargs="+",
        type=Path,
        metavar="FILE",
        help="a POSCAR, or anything else ASE reads; a line for each frame",
    )
    parser.add_argument(
        "-m",
        "--model",
        action="append",
        required=True,
        metavar="NAME",
        help="a shipped model's name or a folder; of several the mean is taken",
    )
    parser.add_argument(
        "-p",
        "--property",
        metavar="NAME",
        help=f"such as band_gap, band_gap{STD} or {IN_DOMAIN} (default: what is "
        "predicted, if it is one property)",
    )
    parser.add_argument(
        "--format",
        metavar="NAME",
        help="ASE's name of the files' format, such as vasp; needed where a file's name "
        "says another, or none",
    )
    parser.add_argument(
        "--device", help="such as cpu or cuda (default: a GPU if there is one)"
    )


def run(arguments: Namespace) -> int:
    from ase_orbital.predict.predictor import Predictor

    names = list(dict.fromkeys(arguments.model))
    predictor = Predictor(
        names, device=arguments.device, domain=arguments.property == IN_DOMAIN
    )
    wanted = arguments.property or _only_property(predictor)
    if wanted not in predictor.properties:
        raise SettingError(
            f"{wanted!r} is not predicted here; there is {', '.join(predictor.properties)}"
        )
    structures = [
        found
        for path in arguments.files
        for found in _accepted(path, arguments.format, predictor)
    ]
    values = iter(_predicted(predictor, wanted, [one for one in structures if one]))
    lines = [FAILED if one is None else next(values) for one in structures]
    print("\n".join(lines))
    return int(FAILED in lines)


def _only_property(predictor: Predictor) -> str:
    names = [name for name in predictor.properties if not name.endswith(STD)]
    if len(names) > 1:
        raise SettingError(
            f"these models predict {', '.join(names)}; say which with --property"
        )
    return names[0]


def _accepted(path: Path, form: str | None, predictor: Predictor) -> list[Labeled | None]:
    """Frames of a file, None for each bad one, or the one None of what cannot be read."""
    try:
        frames = read_frames(path, form=form)
    except OrbitalError as error:
        report(str(path), error)
        return [None]
    accepted: list[Labeled | None] = []
    for label, atoms in labeled(path, frames):
        try:
            accepted.append(Labeled(label, predictor.validate(atoms)))
        except OrbitalError as error:
            report(label, error)
            accepted.append(None)
    return accepted


def _predicted(predictor: Predictor, name: str, structures: list[Labeled]) -> list[str]:
    """Values as lines; together, or one by one where that tells which of them fails."""
    try:
        rows = predictor.predict_many(atoms for _, atoms in structures)
    except OrbitalError as error:
        if len(structures) > 1:
            return [_predicted(predictor, name, [one])[0] for one in structures]
        report(structures[0].label, error)
        return [FAILED]
    lines = []
    for (label, _), row in zip(structures, rows, strict=True):
        finite = math.isfinite(row[name])
        if not finite:
            report(label, ModelError(f"the model gives {row[name]} for {name}"))
        lines.append(repr(row[name]) if finite else FAILED)
    return lines
