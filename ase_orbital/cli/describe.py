"""ase-orbital describe: compute the features of each atom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ase_orbital.cli.results import table, writable
from ase_orbital.cli.structures import add_files, formula_of, read_files, report
from ase_orbital.errors import OrbitalError
from ase_orbital.files import atomic_write

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from numpy.typing import NDArray

    from ase_orbital.descriptors.base import Descriptor


def add_arguments(parser: ArgumentParser) -> None:
    add_files(parser)
    parser.add_argument(
        "-d",
        "--descriptor",
        type=str.lower,
        choices=("gom", "ofm", "elemental", "onehot"),
        default="gom",
        help="default: %(default)s",
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
        "--distance-exponent",
        type=float,
        default=1.0,
        help="exponent of the OFM's weights (default: %(default)s)",
    )
    parser.add_argument(
        "-o",
        "--output",
        type=lambda text: writable(text, [".npz"]),
        metavar="FILE.npz",
        help="an array [n_atoms, n_features] per structure, named after file and frame",
    )


def run(arguments: Namespace) -> int:
    descriptor = _descriptor(arguments)
    structures, n_bad = read_files(arguments.files)
    features: dict[str, NDArray[np.floating[Any]]] = {}
    lines = []
    for label, atoms in structures:
        try:
            array = descriptor.create(atoms)
        except OrbitalError as error:
            n_bad += report(label, error)
            continue
        features[label] = array
        lines.append(
            [label, formula_of(atoms), *map(str, array.shape), f"{array.max():.4f}"]
        )
    if arguments.output:
        with atomic_write(arguments.output) as temporary:
            np.savez_compressed(temporary, allow_pickle=False, **features)
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
