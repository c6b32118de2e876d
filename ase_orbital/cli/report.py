"""ase-orbital report: write an HTML page about results."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ase_orbital.cli.results import writable

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "results",
        type=Path,
        metavar="RESULTS",
        help="folder of screen, evaluate or train, or a table of predict (.csv, .json, "
        ".parquet)",
    )
    parser.add_argument(
        "-o",
        "--output",
        type=lambda text: writable(text, [".html"]),
        metavar="FILE",
        help="page to write; ends with .html (default: report.html in the folder, or "
        "beside the table)",
    )
    parser.add_argument(
        "--sort",
        metavar="COLUMN",
        help="rank candidates by a column, or in descending order with a minus behind its "
        "name: band_gap- (default: what the run selected, or the first property)",
    )
    parser.add_argument(
        "--top",
        type=int,
        default=100,
        metavar="N",
        help="number of candidates with their cells (default: %(default)s)",
    )
    parser.add_argument(
        "--points",
        type=int,
        default=20_000,
        metavar="N",
        help="largest number of structures in figures of points; of more, a random sample "
        "is drawn (default: %(default)s)",
    )


def run(arguments: Namespace) -> None:
    from ase_orbital.report import write_report

    path = write_report(
        arguments.results,
        arguments.output,
        sort=arguments.sort,
        top=arguments.top,
        points=arguments.points,
    )
    print(f"report: {path}")
