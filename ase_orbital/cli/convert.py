"""ase-orbital convert: pack structures into one file that is fast to read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ase_orbital.cli.options import add_inputs
from ase_orbital.cli.results import is_worth_writing, writable
from ase_orbital.cli.startup import imports
from ase_orbital.cli.structures import report
from ase_orbital.errors import StructureError

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from pathlib import Path


def add_arguments(parser: ArgumentParser) -> None:
    add_inputs(parser)
    parser.add_argument(
        "-o",
        "--output",
        type=lambda text: writable(text, (".parquet", ".aselmdb")),
        required=True,
        metavar="FILE",
        help="file to write; ends with .parquet, which is smaller and faster, or .aselmdb",
    )


def run(arguments: Namespace) -> int:
    with imports():
        from ase_orbital.screening import convert

    inputs: list[Path] = arguments.inputs
    n_structures, failed = convert(
        inputs,
        arguments.output,
        workers=arguments.workers,
        form=arguments.format,
        progress=True,
    )
    for frame in failed:
        report(frame.id, StructureError(frame.error))
    if is_worth_writing(range(n_structures), arguments.output):
        print(f"{n_structures} structures, {len(failed)} failed: {arguments.output}")
    return min(len(failed), 1)
