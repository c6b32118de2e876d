"""Rows of ASE databases: SQLite, JSON and ASE-LMDB."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ase import Atoms

from ase_orbital.databases import connect
from ase_orbital.errors import DataError
from ase_orbital.screening.frames import Frame, check_present, content_or_stop
from ase_orbital.screening.structure_tables import IDS

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
        database = open_database(Path(self.source))
        for number, row in enumerate(_rows(database, *self.span), self.first):
            # Not `toatoms`, which fails for constraints that ASE does not know.
            try:
                atoms = Atoms(row.numbers, row.positions, cell=row.cell, pbc=row.pbc)
                known = {**row.data, **row.key_value_pairs}
            except Exception as error:  # a value in a row can be damaged
                yield Frame.failed(self.source, number, content_or_stop(self.source, error))
            else:
                name = next((known[key] for key in IDS if key in known), None)
                yield Frame.of(atoms, self.source, number, name)


def id_blocks(path: Path, size: int) -> Iterator[Ids]:
    """Cut a database into parts of `size` rows."""
    database = open_database(path)
    try:
        if path.suffix == LMDB:
            ids = database.ids
        else:
            ids = [row.id for row in database.select(columns=["id"], include_data=False)]
    except Exception as error:
        reason = content_or_stop(path, error)
        raise DataError(f"the database {path} cannot be read: {reason}") from error
    n_bytes = path.stat().st_size
    for first in range(0, len(ids), size):
        part = ids[first : first + size]
        yield Ids(str(path), first, (part[0], part[-1]), n_bytes * len(part) // len(ids))


def open_database(path: Path) -> Any:
    """Open a database for reading; DataError if it is none, or its extra is missing."""
    try:
        return connect(path, **({"readonly": True} if path.suffix == LMDB else {}))
    except Exception as error:
        if path.suffix == LMDB and isinstance(
            error, ImportError | KeyError | AssertionError
        ):
            raise DataError(
                f"{path} needs ase-db-backends: pip install 'ase-orbital[screen]'"
            ) from error
        raise DataError(f"the database {path} cannot be opened: {error}") from error


def _rows(database: Any, first: int, last: int) -> Iterator[Any]:
    if hasattr(database, "ids"):  # LMDB would read all rows to compare their identifiers
        present = set(database.ids)
        yield from (database.get(i) for i in range(first, last + 1) if i in present)
    else:
        yield from database.select([("id", ">=", first), ("id", "<=", last)])
