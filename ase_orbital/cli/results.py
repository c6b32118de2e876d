"""Print tables of predictions, or write them to files."""

from __future__ import annotations

import csv
import json
import math
import os
import sys
from argparse import ArgumentTypeError
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, TypeAlias

from ase_orbital.cli.structures import DATA, PAIRS, annotated, flat
from ase_orbital.errors import OrbitalError
from ase_orbital.files import atomic_write
from ase_orbital.properties import key_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from ase import Atoms

Record: TypeAlias = dict[str, Any]

TEXT = (".csv", ".json", ".extxyz", ".xyz")  # formats for standard output
STDOUT = "-"
WIDEST = 12  # characters of a line of a column's name, unless its cells are longer


def names_in(records: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the names in any record; `outside_ratio`, for one, is not in all of them."""
    return [*dict.fromkeys(name for record in records for name in record)]


def table(header: Sequence[str], rows: Iterable[Iterable[object]]) -> str:
    """Align columns, numbers to the right; names of columns can have several lines.

    Floats have four decimals; None and nan are empty.
    """
    body = [list(map(_cell, row)) for row in rows]
    names = [name.split("\n") for name in header]
    depth = max(map(len, names))
    heads = [[""] * (depth - len(lines)) + lines for lines in names]
    cells = [[row[index] for row in body] for index in range(len(names))]
    columns = list(zip(heads, cells, strict=True))
    widths = [max(map(len, head + column)) for head, column in columns]
    numeric = [any(column) and all(map(_is_number, column)) for column in cells]

    def line(words: Iterable[str]) -> str:
        padded = (
            word.rjust(width) if right else word.ljust(width)
            for word, width, right in zip(words, widths, numeric, strict=True)
        )
        return "  ".join(padded).rstrip()

    rules = ["-" * width for width in widths]
    return "\n".join(map(line, [*zip(*heads, strict=True), rules, *body]))


def wrapped(header: Sequence[str], rows: Sequence[Sequence[object]], width: int) -> str:
    """Cut a table that is wider into several, each with the first column."""
    parts: list[str] = []
    chosen: list[int] = []

    def part(columns: Sequence[int]) -> str:
        cut = [[row[index] for index in columns] for row in rows]
        return table([header[index] for index in columns], cut)

    for index in range(1, len(header)):
        if chosen and width_of(part([0, *chosen, index])) > width:
            parts.append(part([0, *chosen]))
            chosen = []
        chosen.append(index)
    return "\n\n".join([*parts, part([0, *chosen])])


def width_of(text: str) -> int:
    """Length of the longest line."""
    return max(map(len, text.splitlines()))


def heading(name: str, unit: str) -> str:
    """Name of a column, with its unit below if it has one."""
    return broken(name) + (f"\n({unit})" if unit not in ("", "1") else "")


def broken(name: str) -> str:
    """Break a long name of a column into lines, after underscores."""
    lines = [""]
    for part in name.replace("_", "_ ").split():
        if lines[-1] and len(lines[-1] + part) > WIDEST:
            lines.append("")
        lines[-1] += part
    return "\n".join(lines)


def _cell(value: object) -> str:
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.4f}"
    return "" if value is None else str(value)


def _is_number(cell: str) -> bool:
    try:
        float(cell or 0.0)
    except ValueError:
        return False
    return True


def writable(text: str, suffixes: Sequence[str]) -> Path:
    """Check a path from the command line before the work begins.

    A dash is standard output in the first of the formats, and a bare suffix is standard
    output in that format: both become a path such as `-.csv`.
    """
    if text == STDOUT or text in suffixes:
        suffix = suffixes[0] if text == STDOUT else text
        if suffix in TEXT:
            return Path(STDOUT + suffix)
        raise ArgumentTypeError(f"{suffix} files cannot be written to standard output")
    path = Path(text)
    if path.suffix not in suffixes:
        raise ArgumentTypeError(f"{text!r} must end with {' or '.join(suffixes)}")
    if not (path.parent.is_dir() and os.access(path.parent, os.W_OK)):
        raise ArgumentTypeError(f"the folder {path.parent} is absent or not writable")
    if path.suffix == ".db" and path.exists():
        raise ArgumentTypeError(
            f"the database {path} exists, and would be replaced; give a new file"
        )
    return path


def is_worth_writing(results: Collection[object], path: Path) -> bool:
    """Whether there are results; if not, say that no file is replaced by an empty one."""
    if not results and path.stem != STDOUT:
        print(f"{path} is not written: there is nothing to write", file=sys.stderr)
        return False
    return True


@contextmanager
def destination(path: Path) -> Iterator[Path]:
    """Give a temporary path whose file becomes `path` completely, or not at all.

    For a path such as `-.csv`, the content goes to standard output.
    """
    if path.stem != STDOUT:
        with atomic_write(path) as temporary:
            yield temporary
        return
    with TemporaryDirectory() as folder:
        temporary = Path(folder) / path.name
        yield temporary
        sys.stdout.write(temporary.read_text(encoding="utf-8"))


def write(records: Sequence[Record], atoms: Mapping[str, Atoms], path: Path) -> None:
    """Write records in the format of the suffix, completely or not at all.

    CSV, JSON and Parquet have one row per record. Extended XYZ and ASE databases have the
    structures, with the numbers as `orbital_<name>` in `info` or as key-value pairs.

    Parameters
    ----------
    records
        All with the same names, of which "structure" has the label of the structure.
    atoms
        Valid structures by label; others are only in tables.
    path
        See `destination`.
    """
    with destination(path) as temporary:
        WRITERS[path.suffix](records, atoms, temporary)


def _csv(records: Sequence[Record], _: Mapping[str, Atoms], path: Path) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerows(records[:1])  # the names
        writer.writerows(map(_known, records))


def _known(record: Record) -> list[Any]:
    """Return the values of a record, None for those that are missing."""
    return [
        None if isinstance(value, float) and math.isnan(value) else value
        for value in record.values()
    ]


def _json(records: Sequence[Record], _: Mapping[str, Atoms], path: Path) -> None:
    rows = [dict(zip(record, _known(record), strict=True)) for record in records]
    path.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


def _parquet(records: Sequence[Record], _: Mapping[str, Atoms], path: Path) -> None:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise OrbitalError("Parquet needs pyarrow: pip install pyarrow") from error
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(list(records)), path)


def _extxyz(records: Sequence[Record], atoms: Mapping[str, Atoms], path: Path) -> None:
    from ase_orbital.writers import write_extxyz

    frames = []
    for found, pairs, _ in _structures(records, atoms):
        flat(found).info |= pairs
        frames.append(found)
    if not frames:
        raise OrbitalError("there is no valid structure to write")
    write_extxyz(path, frames)


def _database(records: Sequence[Record], atoms: Mapping[str, Atoms], path: Path) -> None:
    from ase_orbital.databases import writing

    with writing(path) as database:
        for found, pairs, data in _structures(records, atoms):
            own, more = found.info.pop(PAIRS, {}), found.info.pop(DATA, {})
            database.write(found, {**own, **pairs}, data={**more, **data})


def _structures(
    records: Sequence[Record], atoms: Mapping[str, Atoms]
) -> Iterator[tuple[Atoms, Record, Record]]:
    """Structures, their predicted values with prefix, and where they are from.

    What an earlier prediction left under the same names is not among them.
    """
    described = ("structure", "id", "formula", "n_atoms")
    for record in records:
        if record["structure"] in atoms:
            values = dict(zip(record, _known(record), strict=True))
            pairs = {
                key_of(name): value
                for name, value in values.items()
                if name not in described and value not in (None, "")
            }
            data = {name: record[name] for name in ("structure", "id") if record[name]}
            found = annotated(atoms[record["structure"]], {})
            found.info[PAIRS] = dict(found.info.get(PAIRS, {}))
            for name in record:
                found.info.pop(key_of(name), None)
                found.info[PAIRS].pop(key_of(name), None)
            yield found, pairs, data


WRITERS = {
    ".csv": _csv,
    ".json": _json,
    ".parquet": _parquet,
    ".extxyz": _extxyz,
    ".xyz": _extxyz,
    ".db": _database,
}
