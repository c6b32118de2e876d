"""ase-orbital similar: find the structures that are most similar to a given one."""

from __future__ import annotations

import sys
from math import inf
from operator import itemgetter
from typing import TYPE_CHECKING

from ase_orbital.cli.options import add_comparison, archive_for
from ase_orbital.cli.results import table
from ase_orbital.cli.structures import (
    NamedStructure,
    add_format,
    checked_frames,
    formula_of,
    read_files,
    report,
    source,
)
from ase_orbital.errors import OrbitalError, SettingError

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from typing import TypeAlias

    from ase import Atoms

    # Difference, label and atoms of each near structure, tolerance, number of invalid ones.
    Found: TypeAlias = tuple[list[tuple[float, str, Atoms]], float, int]


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "crystal",
        type=source,
        metavar="CRYSTAL",
        help="any format that ASE reads; the last frame, or the one of FILE@INDEX",
    )
    parser.add_argument(
        "--in",
        dest="files",
        nargs="+",
        type=source,
        required=True,
        metavar="FILE",
        help="files to search, all frames or those of FILE@INDEX; or one saved Archive "
        "(.npz), which has its own descriptor and tolerance",
    )
    parser.add_argument(
        "-n",
        type=int,
        default=5,
        help="number of structures to list (default: %(default)s)",
    )
    parser.add_argument(
        "--prototypes",
        action="store_true",
        help="compare across compositions, without elements and volumes: NaCl is like MgO",
    )
    add_format(parser)
    add_comparison(parser)


def run(arguments: Namespace) -> int:
    if arguments.n < 1:
        raise SettingError(f"-n must be at least 1, not {arguments.n}")
    given = checked_frames(arguments.crystal, form=arguments.format)[-1]
    if not isinstance(given, NamedStructure):
        raise given.error
    crystal = given.atoms
    saved = [given.path.suffix for given in arguments.files] == [".npz"]
    if saved and arguments.prototypes:
        raise SettingError("an archive has fingerprints with elements; give files instead")
    look = _in_archive if saved else _in_files
    nearest, tolerance, n_bad = look(crystal, arguments)
    if not nearest:
        what = "the numbers of elements of" if arguments.prototypes else "the composition"
        print(f"no structure has {what} {formula_of(crystal)}", file=sys.stderr)
        return 1
    rows = []
    for difference, label, atoms in nearest:
        match = "yes" if difference <= tolerance else "no"
        rows.append([label, formula_of(atoms), len(atoms), f"{difference:.5f}", match])
    print(table(("structure", "formula", "n_atoms", "difference", "match"), rows))
    return min(n_bad, 1)


def _in_archive(crystal: Atoms, arguments: Namespace) -> Found:
    from ase_orbital.similarity.archive import Archive

    archive = Archive.load(arguments.files[0].path, megabytes=inf)
    nearest = [
        (difference, archive[number].label or f"entry {number}", archive[number].atoms)
        for number, difference, _ in archive.nearest(crystal, arguments.n)
    ]
    return nearest, archive.tolerance, 0


def _in_files(crystal: Atoms, arguments: Namespace) -> Found:
    from ase_orbital.similarity.distance import difference
    from ase_orbital.similarity.fingerprints import Fingerprints
    from ase_orbital.similarity.prototypes import prototypes

    settings = archive_for(arguments)
    fingerprints = Fingerprints(settings.descriptor)
    views = prototypes if arguments.prototypes else lambda atoms: [atoms]
    given = [fingerprints.of(atoms) for atoms in views(crystal)]
    structures, n_bad = read_files(arguments)
    found = []
    for label, atoms in structures:
        try:
            seen = views(atoms)[0]
            if given[0].may_equal(seen):
                there = fingerprints.of(seen)
                apart = min(difference(here, there) for here in given)
                found.append((apart, label, atoms))
        except OrbitalError as error:
            n_bad += report(label, error)
    found.sort(key=itemgetter(0))
    return found[: arguments.n], settings.tolerance, n_bad
