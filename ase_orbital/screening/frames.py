"""Structures on their way from an input to a shard, and parts of an input."""

from __future__ import annotations

import errno
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from tqdm import tqdm

from ase_orbital.errors import DataError, OrbitalError, StructureError
from ase_orbital.files import printable
from ase_orbital.occupancy import check_occupancy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ase import Atoms

BYTES = 16 * 2**20  # of input in one shard, at most, where structures are large


class UnreadableError(DataError):
    """The content of an input is no list of structures, or damaged."""


class Frame(NamedTuple):
    """A structure of an input, or the reason why it cannot be read."""

    id: str
    source: str  # the file, as it was given
    number: int  # of the structure in its file, from 0
    atoms: Atoms | None
    error: str = ""

    @classmethod
    def of(cls, atoms: Atoms, source: str, number: int, name: object = None) -> Frame:
        """Name a structure: by `name`, by `info["id"]`, or by its file and number.

        One with partially occupied sites is a failed one: tables of structures have no
        place for occupancies, so it would be taken for ordered later.
        """
        name = atoms.info.get("id") if name is None else name
        try:
            check_occupancy(atoms)
        except StructureError as error:
            return cls.failed(source, number, error, name)
        name = label(source, number) if name is None else str(name)
        return cls(printable(name), printable(source), number, atoms)

    @classmethod
    def failed(cls, source: str, number: int, reason: object, name: object = None) -> Frame:
        """A structure that cannot be read."""
        text = printable(" ".join(str(reason).split()))
        name = label(source, number) if name is None else str(name)
        return cls(printable(name), printable(source), number, None, text)


class Part(Protocol):
    """Consecutive structures of an input, which become one shard.

    A part is small or holds what it needs, and can be pickled.
    """

    @property
    def weight(self) -> int:
        """Bytes of the input files that it takes, for the progress bar."""

    def frames(self) -> Iterator[Frame]:
        """Read the structures; DataError if the input is gone."""


def read_part(part: Part) -> list[Frame]:
    """Read the structures of a part, without the warnings of ASE's readers.

    Where the content of a file is damaged, a failed structure stands for what is lost.
    """
    found: list[Frame] = []
    with warnings.catch_warnings():  # of which a folder of CIFs makes thousands
        warnings.simplefilter("ignore")
        try:
            found.extend(part.frames())
        except (OrbitalError, MemoryError):
            raise
        except Exception as error:  # libraries raise many kinds for damaged pages
            source = getattr(part, "source", "")
            reason = content_or_stop(source, error) if source else str(error)
            number = found[-1].number + 1 if found else getattr(part, "first", 0)
            text = f"{reason}; up to the next part, nothing after this is read"
            found.append(Frame.failed(source, number, text))
    return found


def progress_bar(*, shown: bool) -> Any:
    """Bar with rate and time left; in a log, a line every half a minute."""
    pause = 0.1 if sys.stderr.isatty() else 30.0
    return tqdm(disable=not shown, unit=" structures", smoothing=0.05, mininterval=pause)


def label(source: str, number: int) -> str:
    """Name a structure by its number and, in ASE's notation, its file if there is one."""
    return f"{source}@{number}" if source else str(number)


def check_present(source: str | Path) -> None:
    """Raise DataError if an input file is not there any more."""
    if not Path(source).is_file():
        raise DataError(
            f"the input {source} has vanished; bring it back and repeat the command, which "
            "continues after the last finished shard"
        )


def content_or_stop(source: str | Path, error: BaseException) -> str:
    """Return why a file cannot be read; DataError if the disk fails.

    A file that its owner has closed to others is as one with damaged content.
    """
    from gzip import BadGzipFile

    check_present(source)
    cause: BaseException | None = error
    while cause is not None:
        if (
            isinstance(cause, OSError)
            and cause.errno
            and cause.errno not in (errno.EACCES, errno.EPERM)
            and not isinstance(cause, BadGzipFile)
        ):
            raise DataError(f"the input {source} cannot be read: {cause}") from error
        cause = cause.__cause__
    return f"{type(error).__name__}: {error}"
