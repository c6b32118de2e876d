"""Read structures from files, with labels that name file and frame."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ase_orbital.errors import OrbitalError
from ase_orbital.structure import read_frames, validate

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Callable, Iterable, Mapping

    from ase import Atoms


class NamedStructure(NamedTuple):
    """A structure, and the file and frame that it was read from."""

    label: str
    atoms: Atoms


def add_files(
    parser: ArgumentParser, meaning: str = "any format that ASE reads; all frames"
) -> None:
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help=meaning)


def read_files(files: Iterable[Path]) -> tuple[list[NamedStructure], int]:
    """Read all valid structures, and report and count the others."""
    frames = [frame for path in dict.fromkeys(files) for frame in checked_frames(path)]
    good = [frame for frame in frames if frame is not None]
    return good, len(frames) - len(good)


def checked_frames(
    path: Path, check: Callable[[Atoms], object] = validate, form: str | None = None
) -> list[NamedStructure | None]:
    """Valid frames of a file, None for each other one, or [None] for an unreadable file."""
    checked: list[NamedStructure | None] = []
    try:
        frames = read_frames(path, form=form)
    except OrbitalError as error:
        report(str(path), error)
        return [None]
    for frame in named_frames(path, frames):
        try:
            check(frame.atoms)
        except OrbitalError as error:
            report(frame.label, error)
            checked.append(None)
        else:
            checked.append(frame)
    return checked


def labels_of(path: Path, n_frames: int) -> list[str]:
    """Name of the file for each frame and, if there are several, the frame's number."""
    return (
        [f"{path}@{index}" for index in range(n_frames)] if n_frames != 1 else [str(path)]
    )


def named_frames(path: Path, frames: list[Atoms]) -> list[NamedStructure]:
    """Frames of a file with their labels."""
    return [
        NamedStructure(*pair)
        for pair in zip(labels_of(path, len(frames)), frames, strict=True)
    ]


def annotated(atoms: Atoms, values: Mapping[str, Any]) -> Atoms:
    """Copy atoms with their calculator, and add values to `info`."""
    frame = atoms.copy()
    frame.calc = atoms.calc
    frame.info |= values
    return frame


def formula_of(atoms: Atoms) -> str:
    """Reduced formula, such as SrTiO3."""
    return str(atoms.get_chemical_formula("metal", empirical=True))


def report(label: str, error: OrbitalError) -> int:
    """Print an error of a structure on stderr, and return 1, to be counted."""
    print(f"{label}: {error}", file=sys.stderr)
    return 1
