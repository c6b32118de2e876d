"""Print predictions as a table, or write them to files."""

from __future__ import annotations

import csv
import json
import os
from argparse import ArgumentTypeError
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ase_orbital.cli.structures import annotated
from ase_orbital.errors import OrbitalError
from ase_orbital.files import atomic_write
from ase_orbital.properties import PREFIX

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from typing import TypeAlias

    from ase_orbital.cli.structures import NamedStructure

    Results: TypeAlias = Sequence["Result"]
    Structures: TypeAlias = Sequence[NamedStructure]


class Result(NamedTuple):
    """A predicted number with its structure, property, unit and model."""

    structure: str
    formula: str
    n_atoms: int
    property: str
    value: float
    unit: str
    model: str


def table(header: Sequence[str], rows: Iterable[Iterable[object]]) -> str:
    """Align columns, numbers to the right; floats have four decimals, None is empty."""
    columns = list(zip(header, *(map(_cell, row) for row in rows), strict=True))
    widths = [max(map(len, column)) for column in columns]
    numeric = [len(column) > 1 and all(map(_is_number, column[1:])) for column in columns]

    def line(cells: Sequence[str]) -> str:
        padded = (
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(cells, widths, numeric, strict=True)
        )
        return "  ".join(padded).rstrip()

    head, *body = zip(*columns, strict=True)
    return "\n".join(map(line, [head, ["-" * width for width in widths], *body]))


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4f}"
    return "" if value is None else str(value)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def writable(text: str, suffixes: Collection[str]) -> Path:
    """Check a path from the command line before the work begins."""
    path = Path(text)
    if path.suffix not in suffixes:
        raise ArgumentTypeError(f"{text!r} must end with {' or '.join(suffixes)}")
    if not (path.parent.is_dir() and os.access(path.parent, os.W_OK)):
        raise ArgumentTypeError(f"the folder {path.parent} is absent or not writable")
    return path


def write(results: Results, structures: Structures, path: Path) -> None:
    """Write results in the format of the suffix, completely or not at all.

    CSV, JSON and Parquet have one row per number. Extended XYZ and ASE databases have the
    structures, with the numbers as `orbital_<property>` in `info` or as key-value pairs.
    """
    with atomic_write(path) as temporary:
        WRITERS[path.suffix](results, structures, temporary)


def _csv(results: Results, _: Structures, path: Path) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(Result._fields)
        writer.writerows(results)


def _json(results: Results, _: Structures, path: Path) -> None:
    rows = [result._asdict() for result in results]
    path.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


def _parquet(results: Results, _: Structures, path: Path) -> None:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise OrbitalError("Parquet needs pyarrow: pip install pyarrow") from error
    columns = {
        name: [result[index] for result in results]
        for index, name in enumerate(Result._fields)
    }
    pyarrow.parquet.write_table(pyarrow.table(columns), path)


def _extxyz(results: Results, structures: Structures, path: Path) -> None:
    from ase.io import write as write_atoms

    pairs = _pairs(results)
    frames = [annotated(atoms, pairs.get(label, {})) for label, atoms in structures]
    write_atoms(path, frames, format="extxyz")


def _database(results: Results, structures: Structures, path: Path) -> None:
    from ase.db import connect

    pairs = _pairs(results)
    with connect(path) as database:
        for label, atoms in structures:
            database.write(atoms, pairs.get(label, {}), data={"structure": label})


def _pairs(results: Results) -> dict[str, dict[str, float]]:
    """Values by structure and key; the key has the model if others share the property."""
    shared = [name for name, _ in {(result.property, result.model) for result in results}]
    pairs: dict[str, dict[str, float]] = {}
    for result in results:
        key = PREFIX + result.property
        if shared.count(result.property) > 1:
            key += "_" + "".join(c if c.isalnum() else "_" for c in result.model)
        pairs.setdefault(result.structure, {})[key] = result.value
    return pairs


WRITERS = {
    ".csv": _csv,
    ".json": _json,
    ".parquet": _parquet,
    ".extxyz": _extxyz,
    ".xyz": _extxyz,
    ".db": _database,
}
