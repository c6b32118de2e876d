"""ase-orbital describe: compute the features of each atom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ase_orbital.cli.options import add_descriptor, add_output, descriptor_for
from ase_orbital.cli.results import is_worth_writing, table
from ase_orbital.cli.structures import add_files, formula_of, read_files, report
from ase_orbital.errors import OrbitalError
from ase_orbital.files import atomic_write

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    add_files(parser)
    add_descriptor(parser, ("gom", "ofm", "elemental", "onehot", "orientation"))
    content = "an array [n_atoms, n_features] per structure, named after file and frame"
    add_output(parser, [".npz"], content)


def run(arguments: Namespace) -> int:
    descriptor = descriptor_for(arguments)
    structures, n_bad = read_files(arguments)
    features: dict[str, Any] = {}
    rows = []
    for label, atoms in structures:
        try:
            array = descriptor.create(atoms)
        except OrbitalError as error:
            n_bad += report(label, error)
            continue
        features[label] = array
        rows.append([label, formula_of(atoms), *array.shape, float(array.max())])
    if arguments.output:
        if is_worth_writing(features, arguments.output):
            with atomic_write(arguments.output) as temporary:
                np.savez_compressed(temporary, **features)
            print(f"{len(features)} structures: {arguments.output}")
    elif rows:
        print(table(("structure", "formula", "n_atoms", "n_features", "largest"), rows))
    return min(n_bad, 1)
