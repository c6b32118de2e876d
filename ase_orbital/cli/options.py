"""Options that several commands share."""

from __future__ import annotations

from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ase_orbital.cli.results import TEXT, writable
from ase_orbital.cli.structures import add_format
from ase_orbital.errors import SettingError

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Sequence

    from ase_orbital.descriptors.base import Descriptor
    from ase_orbital.similarity.archive import Archive


def add_models(parser: ArgumentParser, repeat: str, *, required: bool = True) -> None:
    parser.add_argument(
        "-m",
        "--model",
        action="append",
        required=required,
        metavar="NAME",
        help=f"name of a shipped model, or a folder; repeat {repeat}",
    )


def add_inputs(parser: ArgumentParser) -> None:
    parser.add_argument(
        "inputs",
        nargs="+",
        type=Path,
        metavar="INPUT",
        help="files and folders: any format that ASE reads, extended XYZ (also .gz, .zst), "
        "databases (.db, .aselmdb), Parquet with structures, CSV with CIFs or their names",
    )
    parser.add_argument(
        "--workers",
        type=int,
        metavar="N",
        help="number of processes (default: one for each CPU)",
    )
    add_format(parser)


def add_device(parser: ArgumentParser) -> None:
    parser.add_argument("--device", help="cpu or cuda (default: a GPU if available)")


def add_output(parser: ArgumentParser, suffixes: Sequence[str], meaning: str) -> None:
    text = [suffix for suffix in suffixes if suffix in TEXT]
    stdout = f"; - or only {', '.join(text)} for standard output" if text else ""
    parser.add_argument(
        "-o",
        "--output",
        type=lambda text: writable(text, suffixes),
        metavar="FILE",
        help=f"{meaning}; ends with {', '.join(suffixes)}{stdout}",
    )


# The descriptor to which an option belongs.
SETTINGS = {"cutoff": "gom", "orbitals": "gom", "distance_exponent": "ofm"}


def add_descriptor(parser: ArgumentParser, choices: Sequence[str], note: str = "") -> None:
    parser.add_argument(
        "-d",
        "--descriptor",
        type=str.lower,
        choices=choices,
        default="gom",
        help=f"default: %(default)s{note}",
    )
    parser.add_argument(
        "--cutoff",
        type=float,
        help="cutoff of the GOM in Å (default: 6.0)",
    )
    parser.add_argument(
        "--orbitals",
        choices=("s", "sp"),
        help="orbitals of the GOM (default: s)",
    )
    parser.add_argument(
        "--distance-exponent",
        type=float,
        help="exponent of the OFM's weights (default: 1.0)",
    )


def descriptor_for(arguments: Namespace) -> Descriptor:
    """Make the descriptor; SettingError for an option of another one."""
    from ase_orbital import GOM, OFM, ElementalFeatures, OneHot, OrientationalOrder

    chosen = arguments.descriptor
    given: dict[str, Any] = {}
    for name, kind in SETTINGS.items():
        if (value := getattr(arguments, name)) is None:
            continue
        if kind != chosen:
            option = name.replace("_", "-")
            raise SettingError(f"--{option} is a setting of {kind}, and not of {chosen}")
        given[name] = value
    if chosen == "gom":
        return GOM(**given)
    if chosen == "ofm":
        return OFM(**given)
    others: dict[str, type[Descriptor]] = {
        "elemental": ElementalFeatures,
        "onehot": OneHot,
        "orientation": OrientationalOrder,
    }
    return others[chosen]()


def add_comparison(parser: ArgumentParser) -> None:
    note = "; ofm cannot tell stackings of close-packed layers apart"
    add_descriptor(parser, ("gom", "ofm"), note)
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
    from ase_orbital.similarity.archive import Archive

    descriptor = descriptor_for(arguments)
    return Archive(descriptor, tolerance=arguments.tolerance, megabytes=inf)
