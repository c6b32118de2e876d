"""ase-orbital unique: find the distinct structures in files."""

from __future__ import annotations

import sys
from math import inf
from typing import TYPE_CHECKING, Any

from ase_orbital.cli.options import add_comparison, add_output, archive_for
from ase_orbital.cli.results import STDOUT, destination, is_worth_writing, table
from ase_orbital.cli.structures import (
    DATA,
    PAIRS,
    NamedStructure,
    add_files,
    annotated,
    check_not_read,
    copy_database_info,
    flat,
    formula_of,
    read_files,
    report,
)
from ase_orbital.errors import OrbitalError
from ase_orbital.properties import PREFIX
from ase_orbital.writers import write_extxyz

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from pathlib import Path

    from ase import Atoms

COPIES = PREFIX + "copies"  # number of structures that one stands for


def add_arguments(parser: ArgumentParser) -> None:
    add_files(parser)
    add_comparison(parser)
    parser.add_argument(
        "--keep",
        choices=("first", "lowest"),
        default="first",
        help="structure to keep of those that match: the first, or the one of lowest "
        "energy per atom in the file (default: %(default)s)",
    )
    add_output(parser, list(WRITERS), f"write the structures with {COPIES}")


def run(arguments: Namespace) -> int:
    check_not_read(arguments)
    structures, n_bad = read_files(arguments)
    copy_database_info(arguments.files, structures)
    archive = archive_for(arguments)
    groups: dict[int, list[NamedStructure]] = {}
    for structure in structures:
        try:
            number = archive.add(structure.atoms).number
        except OrbitalError as error:
            n_bad += report(structure.label, error)
        else:
            groups.setdefault(number, []).append(structure)
    lowest = arguments.keep == "lowest"
    kept = [
        (min(group, key=energy_of) if lowest else group[0], len(group))
        for group in groups.values()
    ]
    if arguments.output:
        if is_worth_writing(kept, arguments.output):
            frames = [annotated(atoms, {COPIES: copies}) for (_, atoms), copies in kept]
            with destination(arguments.output) as temporary:
                WRITERS[arguments.output.suffix](frames, temporary)
    else:
        rows = [
            [label, formula_of(atoms), len(atoms), copies]
            for (label, atoms), copies in kept
        ]
        print(table(("structure", "formula", "n_atoms", "copies"), rows))
    n_read = sum(copies for _, copies in kept)
    to_stdout = arguments.output and arguments.output.stem == STDOUT
    summary = sys.stderr if to_stdout else sys.stdout
    print(f"{len(kept)} distinct of {n_read} structures", file=summary)
    return min(n_bad, 1)


def energy_of(structure: NamedStructure) -> float:
    """Energy per atom from the file, eV; infinite if it has none."""
    calc = structure.atoms.calc
    energy = None if calc is None else getattr(calc, "results", {}).get("energy")
    return inf if energy is None else float(energy) / len(structure.atoms)


def _frames(frames: list[Atoms], path: Path) -> None:
    from ase.io import write

    frames = [flat(atoms) for atoms in frames]
    if path.suffix == ".traj":
        write(path, frames)
    else:
        write_extxyz(path, frames)


def _database(frames: list[Atoms], path: Path) -> None:
    from ase_orbital.databases import writing

    with writing(path) as database:
        for atoms in frames:
            pairs: dict[str, Any] = atoms.info.pop(PAIRS, {})
            data = atoms.info.pop(DATA, {})
            copies = atoms.info.pop(COPIES)
            database.write(atoms, {**pairs, COPIES: copies}, data=data)


WRITERS = {".extxyz": _frames, ".xyz": _frames, ".traj": _frames, ".db": _database}
