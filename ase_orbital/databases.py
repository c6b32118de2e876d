"""Open ASE databases whose locks never make a program wait for ever, or in silence.

ASE creates a lock file while it writes to a database. If the program is killed meanwhile,
the file stays, and every later program waits for it without end.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ase.db
from ase import Atoms
from ase.db.core import convert_str_to_int_float_bool_or_str
from ase.io.formats import string2index
from ase.utils import Lock

from ase_orbital.errors import DataError
from ase_orbital.files import is_gone, process_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

logger = logging.getLogger(__name__)

IDS = ("id", "immutable_id", "material_id")  # columns of identifiers, the first one counts
PATIENCE = 5.0  # seconds to wait for another program, which writes for milliseconds


def connect(path: str | Path, **options: Any) -> Any:
    """Open an ASE database; see `ase.db.connect`, also for the options.

    A lock file that a killed program on this machine left is removed, if that program
    opened the database by this function. For any other one, writing waits five seconds.

    Raises
    ------
    DataError
        Later, when something is written, if another program holds the lock file for more
        than five seconds. The message names the file.
    """
    database = ase.db.connect(path, **options)
    if database.lock is not None:
        database.lock = _PatientLock(database.lock.name, database.lock.world)
    return database


@contextmanager
def writing(path: str | Path) -> Iterator[Any]:
    """Open an ASE database to write to it.

    Raises
    ------
    DataError
        If it cannot be written, such as on a full disk, or another program has locked it.
    """
    try:
        with connect(path) as database:
            yield database
    except sqlite3.Error as error:
        raise DataError(
            f"the database {Path(path).name} is not written: {error}"
        ) from error


def read_rows(path: Path, index: str) -> list[Atoms]:
    """Read the structures of a database, as `ase.io.read` does.

    Constraints that ASE does not know are left out, where ASE would read nothing at all.

    Parameters
    ----------
    path
        The database.
    index
        Rows in ASE's notation, such as "-1:" for the last.
    """
    with connect(path) as database:
        places = range(database.count())[string2index(index)]
        if not places:
            return []
        first, last = min(places), max(places)
        rows = list(database.select(offset=first, limit=last + 1 - first))
        return [_atoms_of(rows[place - first]) for place in places]


def bare_atoms(row: Any) -> Atoms:
    """Make the structure of a row, without constraints, which ASE may not know."""
    return Atoms(row.numbers, row.positions, cell=row.cell, pbc=row.pbc)


def _atoms_of(row: Any) -> Atoms:
    try:
        atoms: Atoms = row.toatoms()
    except Exception as error:  # what the class of a constraint raises
        row._constraints = []  # which `row.constraints` reads
        atoms = row.toatoms()
        logger.warning("row %d is read without its constraints: %s", row.id, error)
    return atoms


def storable(pairs: Mapping[str, Any]) -> dict[str, Any]:
    """Return key-value pairs with numbers in place of texts such as "17".

    Databases refuse such texts, because a query could not tell them from numbers.
    """
    return {
        key: convert_str_to_int_float_bool_or_str(value)
        if isinstance(value, str)
        else value
        for key, value in pairs.items()
    }


class _PatientLock(Lock):  # type: ignore[misc]
    """A lock file that contains the name of its process."""

    def acquire(self) -> None:
        path = Path(self.name)
        start = time.monotonic()
        while True:
            try:
                self.fd = path.open("xb")
                break
            except FileExistsError:
                holder = _remove_if_stale(path)
            if time.monotonic() - start > PATIENCE:
                raise DataError(
                    f"the database {path.with_suffix('')} is locked by "
                    f"{holder or 'an unknown program'}; if no program writes to it, "
                    f"remove the file {path}"
                )
            time.sleep(0.02)
        self.fd.write(process_name().encode())
        self.fd.flush()


def _remove_if_stale(path: Path) -> str:
    """Remove the lock file of a process that has ended; return the process's name."""
    try:
        with path.open("rb+") as file:
            holder = file.read().decode(errors="replace")
            if is_gone(holder):
                import fcntl  # absent on Windows, where no process is known to be gone

                # Programs that remove it at the same time must not remove the next one.
                fcntl.flock(file, fcntl.LOCK_EX)
                if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                    path.unlink()
            return holder
    except OSError:  # it was removed meanwhile, or belongs to another user
        return ""
