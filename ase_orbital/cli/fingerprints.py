"""Options of the commands that compare structures."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from ase_orbital.similarity.archive import Archive


def add_comparison(parser: ArgumentParser) -> None:
    parser.add_argument(
        "-d",
        "--descriptor",
        choices=("gom", "ofm"),
        default="gom",
        help="default: %(default)s; ofm cannot tell stackings of close-packed layers apart",
    )
    parser.add_argument(
        "--cutoff",
        type=float,
        default=6.0,
        help="cutoff of the GOM in Å (default: %(default)s)",
    )
    parser.add_argument(
        "--orbitals",
        choices=("s", "sp"),
        default="s",
        help="orbitals of the GOM (default: %(default)s)",
    )
    parser.add_argument(
        "-t",
        "--tolerance",
        type=float,
        metavar="FRACTION",
        help="largest difference of structures that count as one, as a fraction of the "
        "fingerprints' length (default: 0.0075 for gom, 0.03 for ofm, which covers the "
        "differences of relaxations that end at 0.05 eV/Å)",
    )


def archive_for(arguments: Namespace) -> Archive:
    """Empty archive with the chosen comparison and unlimited memory."""
    from ase_orbital import GOM, OFM
    from ase_orbital.similarity.archive import Archive

    gom = arguments.descriptor == "gom"
    return Archive(
        GOM(cutoff=arguments.cutoff, orbitals=arguments.orbitals) if gom else OFM(),
        tolerance=arguments.tolerance,
        megabytes=inf,
    )
