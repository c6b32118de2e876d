"""Rows of ASE databases: SQLite, JSON and ASE-LMDB."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ase_orbital.databases import IDS, bare_atoms, connect
from ase_orbital.errors import DataError
from ase_orbital.screening.frames import (
    Frame,
    UnreadableError,
    check_present,
    content_or_stop,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

LMDB = ".aselmdb"
SUFFIXES = (".db", LMDB)


@dataclass(frozen=True)
class Ids:
    """Consecutive rows of a database, by the identifiers of the first and the last."""

    source: str
    first: int
    span: tuple[int, int]
    weight: int

    def frames(self) -> Iterator[Frame]:
        """Read the rows; one that holds no structure becomes a failed one."""
        check_present(self.source)
        with opened(Path(self.source)) as database:
            for number, row in enumerate(_rows(database, *self.span), self.first):
                yield _frame(row, self.source, number)


def id_blocks(path: Path, size: int) -> Iterator[Ids]:
    """Cut a database into parts of `size` rows."""
    with opened(path) as database:
        try:
            if path.suffix == LMDB:
                ids = list(database.ids)
            else:
                rows = database.select(columns=["id"], include_data=False)
                ids = [row.id for row in rows]
        except Exception as error:
            reason = content_or_stop(path, error)
            raise UnreadableError(
                f"the database {path} cannot be read: {reason}"
            ) from error
    n_bytes = path.stat().st_size
    for first in range(0, len(ids), size):
        part = ids[first : first + size]
        yield Ids(str(path), first, (part[0], part[-1]), n_bytes * len(part) // len(ids))


@contextmanager
def opened(path: Path, *, readonly: bool = True) -> Iterator[Any]:
    """Open a database; DataError if it is none, or its extra is missing."""
    options = {"readonly": readonly} if path.suffix == LMDB else {}
    try:
        if path.suffix == LMDB:
            import lmdb

            # The database would also complain when it is deleted, on standard error.
            lmdb.open(str(path), subdir=False, readonly=readonly, lock=not readonly).close()
        database = connect(path, **options)
    except Exception as error:
        if isinstance(error, ImportError | KeyError):
            raise DataError(
                f"{path} needs ase-db-backends: pip install 'ase-orbital[screen]'"
            ) from error
        reason = content_or_stop(path, error) if readonly else str(error)
        raise UnreadableError(f"the database {path} cannot be opened: {reason}") from error
    try:
        yield database
    finally:
        if path.suffix == LMDB:  # a process can open it only once
            database.close()


def _frame(row: Any, source: str, number: int) -> Frame:
    try:
        atoms = bare_atoms(row)
        named = row.key_value_pairs, row.data
    except Exception as error:  # a value in a row can be damaged
        return Frame.failed(source, number, content_or_stop(source, error))
    name = next((known[key] for known in named for key in IDS if key in known), None)
    return Frame.of(atoms, source, number, name)


def _rows(database: Any, first: int, last: int) -> Iterator[Any]:
    if hasattr(database, "ids"):  # LMDB would read all rows to compare their identifiers
        present = set(database.ids)
        yield from (database.get(i) for i in range(first, last + 1) if i in present)
    else:
        yield from database.select([("id", ">=", first), ("id", "<=", last)])
