"""ase-orbital screen: predict for any number of structures."""

from __future__ import annotations

import sys
from argparse import ArgumentTypeError
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ase_orbital.cli.options import add_device, add_inputs, add_models
from ase_orbital.cli.results import (
    WRITERS,
    heading,
    is_worth_writing,
    table,
    writable,
    write,
)
from ase_orbital.cli.startup import imports
from ase_orbital.errors import SettingError

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from pandas import DataFrame

    from ase_orbital.screening import Results

SHOWN = 20  # rows of a selection on the screen


def add_arguments(parser: ArgumentParser) -> None:
    add_inputs(parser)
    add_models(parser, "for more", required=False)
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        required=True,
        metavar="FOLDER",
        help="folder of the results; the same command continues a run that was stopped",
    )
    parser.add_argument(
        "--no-domain", action="store_true", help="leave out the column `in_domain`"
    )
    parser.add_argument(
        "--descriptors",
        nargs="+",
        default=[],
        metavar="NAME",
        help="also store the mean over the atoms of gom, ofm or elemental",
    )
    parser.add_argument(
        "--no-structures", action="store_true", help="store no structures, to save disk"
    )
    add_device(parser)
    parser.add_argument(
        "--shard-size",
        type=int,
        default=10_000,
        metavar="N",
        help="structures in one file of results (default: %(default)s)",
    )
    parser.add_argument(
        "--shard",
        type=_share,
        default=(0, 1),
        metavar="I/N",
        help="do only the I-th of N shares, from 0, as in an array of jobs",
    )
    parser.add_argument(
        "--parsl",
        metavar="FILE",
        help="compute where the `config` of this Python file says, or `local`",
    )
    selection = parser.add_argument_group("selection, once all is done")
    selection.add_argument(
        "--filter",
        metavar="EXPRESSION",
        help="only rows for which this is true, in the notation of pandas: "
        "'band_gap > 1 and in_domain'",
    )
    for name, which in (("--top", "highest"), ("--bottom", "lowest")):
        selection.add_argument(
            name, nargs=2, metavar=("N", "COLUMN"), help=f"the N of the {which} values"
        )
    selection.add_argument(
        "--unique", action="store_true", help="leave out copies, by their fingerprints"
    )
    selection.add_argument(
        "--write",
        type=lambda text: writable(text, list(WRITERS)),
        metavar="FILE",
        help=f"write the selected rows, or all; ends with {', '.join(WRITERS)}",
    )


def run(arguments: Namespace) -> int:
    top, bottom = _ranking(arguments, "top"), _ranking(arguments, "bottom")
    with imports():
        from ase_orbital.screening import screen, select

    results = screen(
        arguments.inputs,
        arguments.model or [],
        arguments.output,
        workers=arguments.workers,
        engine=_engine(arguments),
        shard=arguments.shard,
        device=arguments.device,
        domain=False if arguments.no_domain else None,
        descriptors=arguments.descriptors,
        structures=not arguments.no_structures,
        shard_size=arguments.shard_size,
        form=arguments.format,
        progress=True,
    )
    marks = results.marks.values()
    rows, failed = (sum(mark[name] for mark in marks) for name in ("rows", "failed"))
    print(f"{rows} structures, {failed} failed: {arguments.output}")
    selecting = arguments.filter or top or bottom or arguments.unique
    if not (selecting or arguments.write):
        return 0
    if not results.complete:
        print("nothing is selected before all shares are done", file=sys.stderr)
        return 0
    if selecting:
        selected = select(
            results, arguments.filter, top=top, bottom=bottom, unique=arguments.unique
        )
        _show(selected, results)
    else:
        selected = results.frame()
    if arguments.write and is_worth_writing(range(len(selected)), arguments.write):
        _write(selected, results, arguments.write)
    return 0


def _share(text: str) -> tuple[int, int]:
    index, slash, number = text.partition("/")
    if not (slash and index.isdecimal() and number.isdecimal()):
        raise ArgumentTypeError(f"{text!r} is not such as 0/8")
    return int(index), int(number)


def _ranking(arguments: Namespace, name: str) -> tuple[int, str] | None:
    given = getattr(arguments, name)
    if given is None:
        return None
    if not given[0].isdecimal():
        raise SettingError(f"--{name} needs a number and a column, not {' '.join(given)}")
    return int(given[0]), given[1]


def _engine(arguments: Namespace) -> Any:
    if not arguments.parsl:
        return None
    from ase_orbital.numerics.processes import n_cpus
    from ase_orbital.screening.parsl_engine import engine_from

    return engine_from(
        arguments.parsl, arguments.workers or n_cpus(), arguments.output / "parsl"
    )


def _show(selected: DataFrame, results: Results) -> None:
    names = ["id", "formula", "n_atoms", *results.properties]
    header = [heading(name, results.units.get(name, "")) for name in names]
    print(table(header, selected[names].head(SHOWN).itertuples(index=False)))
    print(f"{len(selected)} selected: {results.path / 'selected.parquet'}")


def _write(selected: DataFrame, results: Results, path: Path) -> None:
    """Write the rows and, in formats that have them, the structures."""
    places = [f"{shard}/{row}" for shard, row in selected.index]
    records: list[dict[str, Any]] = [
        {"structure": place, **record}
        for place, record in zip(places, selected.to_dict("records"), strict=True)
    ]
    for record in records:
        record["n_atoms"] = None if isnan(record["n_atoms"]) else int(record["n_atoms"])
    atoms = {}
    if path.suffix in (".extxyz", ".xyz", ".db"):
        good = selected.error == ""
        named = [place for place, sound in zip(places, good, strict=True) if sound]
        atoms = dict(zip(named, results.atoms(selected.index[good]), strict=True))
    write(records, atoms, path)
