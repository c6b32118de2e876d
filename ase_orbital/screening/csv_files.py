"""CSV files whose rows name files of structures, or contain CIFs."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ase_orbital.databases import IDS
from ase_orbital.errors import StructureError
from ase_orbital.occupancy import read_cif
from ase_orbital.readers import read_frames
from ase_orbital.screening.frames import (
    Frame,
    UnreadableError,
    check_present,
    content_or_stop,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ase import Atoms

CIF = ("cif", "structure")  # columns with the text of a CIF
FILE = ("file", "filename", "path")  # columns with the path of a file, beside the CSV file
PLAIN = "id_prop.csv"  # CGCNN's name of a table without a header


@dataclass(frozen=True)
class TableRows:
    """Rows of a CSV file: identifiers, and CIFs or paths."""

    source: str
    first: int
    ids: tuple[str, ...]
    contents: tuple[str, ...]
    is_text: bool
    weight: int

    def frames(self) -> Iterator[Frame]:
        """Read the structures; one that cannot be read becomes a failed one."""
        check_present(self.source)
        rows = zip(self.ids, self.contents, strict=True)
        for number, (name, content) in enumerate(rows, self.first):
            try:
                atoms = _from_text(content) if self.is_text else _from_file(content)
            except StructureError as error:
                yield Frame.failed(self.source, number, error, name)
            else:
                yield Frame.of(atoms, self.source, number, name)


def table_rows(path: Path, size: int) -> Iterator[TableRows]:
    """Cut a CSV file into parts of `size` rows.

    Raises UnreadableError if it has no column of CIFs, of files or of identifiers.
    """
    import pandas

    header = None if path.name == PLAIN else "infer"
    try:
        with pandas.read_csv(
            path, header=header, dtype=str, keep_default_na=False, chunksize=size
        ) as tables:
            for table in tables:
                yield _rows_of(path, table)
    except UnreadableError:
        raise
    except (ValueError, UnicodeDecodeError) as error:  # those of pandas are ValueErrors
        reason = content_or_stop(path, error)
        raise UnreadableError(f"{path} cannot be read: {reason}") from error


def named_files(path: Path) -> Iterator[str]:
    """Paths of the files that a CSV file names; none if it contains the structures."""
    for rows in table_rows(path, 10_000):
        if rows.is_text:  # all of them are; the others need not be read
            return
        yield from rows.contents


def _rows_of(path: Path, table: object) -> TableRows:
    columns = {str(name): table[name].tolist() for name in table}  # type: ignore[index, attr-defined]
    first = int(table.index[0])  # type: ignore[attr-defined]
    names = next((name for name in (*IDS, "0") if name in columns), None)
    text = next((name for name in CIF if name in columns), None)
    file = next((name for name in FILE if name in columns), None)
    if not (names or text or file):
        known = ", ".join((*CIF, *FILE, *IDS))
        raise UnreadableError(f"{path} has no column {known}, only {', '.join(columns)}")
    contents = columns[text or file or names or ""]
    if not text:
        contents = [
            str(path.parent / (name if file else f"{name}.cif")) for name in contents
        ]
    rows = range(first, first + len(contents))
    ids = columns[names] if names else [f"{path}@{row}" for row in rows]
    weight = sum(len(cell) + 1 for column in columns.values() for cell in column)
    return TableRows(str(path), first, tuple(ids), tuple(contents), bool(text), weight)


def _from_text(text: str) -> Atoms:
    try:
        atoms = read_cif(io.StringIO(text))[-1]
    except Exception as error:  # ASE's readers raise many kinds
        raise StructureError(
            f"the CIF cannot be read: {type(error).__name__}: {error}"
        ) from error
    return atoms


def _from_file(path: str) -> Atoms:
    (atoms,) = read_frames(path, index="-1:")
    return atoms
