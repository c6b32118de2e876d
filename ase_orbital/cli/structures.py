"""Structures out of files, each with a label a user can find again."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ase_orbital.errors import OrbitalError, StructureError
from ase_orbital.structure import check, read_frames

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Iterable

    from ase import Atoms


class Labeled(NamedTuple):
    """A structure, and the file and frame it comes from."""

    label: str
    atoms: Atoms


def add_files(parser: ArgumentParser) -> None:
    parser.add_argument(
        "files", nargs="+", type=Path, metavar="FILE", help="anything ASE reads; all frames"
    )


def read_files(files: Iterable[Path]) -> tuple[list[Labeled], int]:
    """All structures that can be used, and how many cannot; those are named on stderr."""
    good: list[Labeled] = []
    n_bad = 0
    for path in dict.fromkeys(files):
        try:
            frames = read_frames(path)
        except StructureError as error:
            n_bad += report(str(path), error)
            continue
        for frame in labeled(path, frames):
            try:
                check(frame.atoms)
            except StructureError as error:
                n_bad += report(frame.label, error)
            else:
                good.append(frame)
    return good, n_bad


def labeled(path: Path, frames: list[Atoms]) -> list[Labeled]:
    """Frames of a file, each with the file's name and, of several, its number."""
    labels = [str(path)]
    if len(frames) != 1:
        labels = [f"{path}@{index}" for index in range(len(frames))]
    return [Labeled(*pair) for pair in zip(labels, frames, strict=True)]


def report(label: str, error: OrbitalError) -> int:
    """Name a structure and what is wrong with it on stderr; 1, to be counted."""
    print(f"{label}: {error}", file=sys.stderr)
    return 1
