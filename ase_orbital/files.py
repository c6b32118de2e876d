"""Write files atomically: a reader or a killed run never leaves or sees half of one."""

from __future__ import annotations

import csv
import os
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Give a temporary path whose file replaces `path` when the block ends.

    If the block raises an error, the temporary file is removed and `path` stays as it was.

    Parameters
    ----------
    path
        File to create or replace.

    Yields
    ------
    Path
        File of the same name in a temporary folder beside `path`, so that writers can
        choose their format by the suffix.

    Examples
    --------
    >>> with atomic_write(Path("table.csv")) as temporary:
    ...     temporary.write_text("1, 2, 3")
    """
    with TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as folder:
        temporary = Path(folder) / path.name
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())  # the content has to be on disk before the name is
        temporary.replace(path)


def write_text(path: Path, text: str) -> None:
    """Write a text file in UTF-8 atomically."""
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_csv(path: Path, rows: Iterable[Iterable[Any]]) -> None:
    """Write rows, the first of which is the header, to a CSV file atomically."""
    with (
        atomic_write(path) as temporary,
        temporary.open("w", newline="", encoding="utf-8") as file,
    ):
        csv.writer(file).writerows(rows)
