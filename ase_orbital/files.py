"""Write files atomically: a reader or a killed run never leaves or sees half of one."""

from __future__ import annotations

import csv
import os
import platform
import shutil
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile, ZipFile

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Give a temporary path whose file replaces `path` when the block ends.

    If the block raises an error, the temporary file is removed and `path` stays as it was.
    What killed processes left of their attempts to write `path` is removed.

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
    with _temporary_folder(path.parent, path.name) as folder:
        temporary = folder / path.name
        yield temporary
        _sync(temporary)
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


def replace_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write several files of a folder; none is replaced before all are on disk."""
    with _temporary_folder(folder, "new") as temporary:
        for name, content in files.items():
            (temporary / name).write_bytes(content)
            _sync(temporary / name)
        for name in files:
            (temporary / name).replace(folder / name)


def check_zip(path: Path) -> None:
    """Raise BadZipFile if a part of a zip file differs from its checksum.

    Archives of numpy and checkpoints of torch are zip files, but torch compares no
    checksums, and numpy not those of arrays that it reads in part.
    """
    with ZipFile(path) as content:
        damaged = content.testzip()
    if damaged:
        raise BadZipFile(f"{damaged} differs from its checksum")


def printable(name: str | Path) -> str:
    """Return the name of a file as text in Unicode, which names on a disk need not be."""
    return str(name).encode("utf-8", "backslashreplace").decode()


def process_name() -> str:
    """Name this process by its machine and number, for `is_gone`."""
    return f"{platform.node()}-{os.getpid()}"


def is_gone(process: str) -> bool:
    """Whether a process with this `process_name` has ended; False on another machine."""
    machine, _, number = process.rpartition("-")
    if machine != platform.node() or not number.isdecimal() or os.name == "nt":
        return False
    try:
        os.kill(int(number), 0)  # signal 0 only asks
    except (ProcessLookupError, OverflowError):
        return True
    except PermissionError:  # a process of another user
        return False
    return False


@contextmanager
def _temporary_folder(parent: Path, name: str) -> Iterator[Path]:
    """Make a hidden folder with the name of this process; remove those of dead ones."""
    prefix = f".{name[:50]}."  # names of files are limited to 255 bytes
    for entry in list(os.scandir(parent)):
        if entry.name.startswith(prefix):
            process, _, _ = entry.name.removeprefix(prefix).rpartition(".")
            if is_gone(process):
                shutil.rmtree(entry.path, ignore_errors=True)
    prefix = f"{prefix}{process_name()}."
    with TemporaryDirectory(dir=parent, prefix=prefix) as folder:
        yield Path(folder)


def _sync(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())  # the content has to be on disk before the name is
