"""Read structures from files, with labels that name file and frame."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ase_orbital.errors import OrbitalError, StructureError
from ase_orbital.structure import read_frames, validate

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Iterable

    from ase import Atoms


class NamedStructure(NamedTuple):
    """A structure, and the file and frame that it was read from."""

    label: str
    atoms: Atoms


def add_files(parser: ArgumentParser) -> None:
    parser.add_argument(
        "files",
        nargs="+",
        type=Path,
        metavar="FILE",
        help="any format that ASE reads; all frames",
    )


def read_files(files: Iterable[Path]) -> tuple[list[NamedStructure], int]:
    """Read all valid structures, and report and count the others."""
    good: list[NamedStructure] = []
    n_bad = 0
    for path in dict.fromkeys(files):
        try:
            frames = read_frames(path)
        except StructureError as error:
            n_bad += report(str(path), error)
            continue
        for frame in named_frames(path, frames):
            try:
                validate(frame.atoms)
            except StructureError as error:
                n_bad += report(frame.label, error)
            else:
                good.append(frame)
    return good, n_bad


def named_frames(path: Path, frames: list[Atoms]) -> list[NamedStructure]:
    """Label each frame with the name of its file and, if there are several, its number."""
    labels = [str(path)]
    if len(frames) != 1:
        labels = [f"{path}@{index}" for index in range(len(frames))]
    return [NamedStructure(*pair) for pair in zip(labels, frames, strict=True)]


def formula_of(atoms: Atoms) -> str:
    """Reduced formula, such as SrTiO3."""
    return str(atoms.get_chemical_formula("metal", empirical=True))


def report(label: str, error: OrbitalError) -> int:
    """Print an error of a structure on stderr, and return 1, to be counted."""
    print(f"{label}: {error}", file=sys.stderr)
    return 1
