"""ase-orbital describe: structures in, one row of numbers an atom out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ase_orbital.cli.results import table
from ase_orbital.cli.structures import add_files, read_files

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from ase_orbital.descriptors.base import Descriptor


def add_arguments(parser: ArgumentParser) -> None:
    add_files(parser)
    parser.add_argument(
        "-d",
        "--descriptor",
        choices=("gom", "ofm", "elemental", "onehot"),
        default="gom",
        help="default: %(default)s",
    )
    parser.add_argument("--cutoff", type=float, default=6.0, help="of the GOM, Å")
    parser.add_argument("--orbitals", choices=("s", "sp"), default="s", help="of the GOM")
    parser.add_argument(
        "--distance-exponent", type=float, default=1.0, help="of the OFM's weights"
    )
    parser.add_argument("--workers", type=int, default=1, help="processes")
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="FILE.npz",
        help="one array [n_atoms, n_features] a structure, named by its file and frame",
    )


def run(arguments: Namespace) -> int:
    descriptor = _descriptor(arguments)
    structures, n_bad = read_files(arguments.files)
    rows = descriptor.create_many(
        (atoms for _, atoms in structures), workers=arguments.workers
    )
    named = {label: array for (label, _), array in zip(structures, rows, strict=True)}
    if arguments.output:
        np.savez_compressed(arguments.output, allow_pickle=False, **named)
    lines = [
        [
            label,
            atoms.get_chemical_formula("metal", empirical=True),
            *map(str, array.shape),
            f"{array.max():.4f}",
        ]
        for (label, atoms), array in zip(structures, rows, strict=True)
    ]
    if lines:
        print(table(("structure", "formula", "n_atoms", "n_features", "largest"), lines))
    return min(n_bad, 1)


def _descriptor(arguments: Namespace) -> Descriptor:
    from ase_orbital import GOM, OFM, ElementalFeatures, OneHot

    if arguments.descriptor == "gom":
        return GOM(cutoff=arguments.cutoff, orbitals=arguments.orbitals)
    if arguments.descriptor == "ofm":
        return OFM(distance_exponent=arguments.distance_exponent)
    return ElementalFeatures() if arguments.descriptor == "elemental" else OneHot()
