"""Find the structures of files, folders, databases, tables and iterators, part by part."""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ase import Atoms
from ase.io.formats import UnknownFileTypeError, filetype, ioformats

from ase_orbital.errors import DataError, OrbitalError, SettingError, StructureError
from ase_orbital.readers import read_frames
from ase_orbital.screening import database_rows, extended_xyz, structure_tables
from ase_orbital.screening.csv_files import named_files, table_rows
from ase_orbital.screening.frames import (
    BYTES,
    Frame,
    UnreadableError,
    check_present,
    content_or_stop,
)
from ase_orbital.screening.shards import RUN
from ase_orbital.structure import as_atoms

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ase_orbital.screening.frames import Part
    from ase_orbital.structure import AtomsLike

SMALL = 2**20  # bytes of a file of extended XYZ that is read with others, in one part
DESCRIBED = 20  # inputs, at most, that are described one by one
SLOWER = 10  # times a structure in its own file, such as a CIF, takes longer to read


@dataclass(frozen=True)
class Files:
    """Files that ASE reads, each with one or more structures."""

    sources: tuple[str, ...]
    weight: int
    form: str | None = None  # ASE's name of their format, if it is not that of their names

    def frames(self) -> Iterator[Frame]:
        """Read all structures; a file that cannot be read becomes a failed one."""
        for source in self.sources:
            check_present(source)
            try:
                found = read_frames(source, form=self.form)
            except StructureError as error:
                yield Frame.failed(
                    source, 0, content_or_stop(source, error).partition(": ")[2]
                )
                continue
            name = Path(source).name if len(found) == 1 else None
            for number, atoms in enumerate(found):
                yield Frame.of(atoms, source, number, atoms.info.get("id", name))


@dataclass(frozen=True)
class Unreadable:
    """A file, or the end of one, that cannot be read."""

    source: str
    reason: str
    weight: int = 0

    def frames(self) -> Iterator[Frame]:
        """One failed structure, which stands for all that is lost."""
        yield Frame.failed(self.source, 0, self.reason)


@dataclass(frozen=True)
class Given:
    """Structures that a program has made."""

    structures: tuple[AtomsLike, ...]
    first: int
    weight: int = 0

    def frames(self) -> Iterator[Frame]:
        """Convert the structures; one of another type becomes a failed one."""
        for number, structure in enumerate(self.structures, self.first):
            try:
                yield Frame.of(as_atoms(structure), "", number)
            except OrbitalError as error:
                yield Frame.failed("", number, error)


class Inputs:
    """All inputs of a run, in the order in which they are given.

    Parameters
    ----------
    given
        Paths of files and folders, or an iterable of structures.
    form
        ASE's name of the format of all files, also of all those in folders; None to infer
        it from the name of each.

    Attributes
    ----------
    description
        Size and checksum of names, sizes and times of each input, from which a run is
        recognized.

    Raises
    ------
    DataError
        If a path does not exist, or holds nothing that can be read.
    SettingError
        If they are neither paths nor structures.
    """

    def __init__(
        self,
        given: str | Path | Iterable[str | Path] | Iterable[AtomsLike],
        form: str | None = None,
    ) -> None:
        self._form = form
        self._files: list[Source] = []
        self._structures: Iterable[Any] = ()
        self.description: list[dict[str, Any]] = []
        items: Iterable[Any] = [given] if isinstance(given, str | Path | Atoms) else given
        if not hasattr(items, "__iter__"):
            raise SettingError(f"inputs must be files or structures, not {given!r}")
        if isinstance(items, list | tuple):
            paths = all(isinstance(item, str | Path) for item in items)
        else:
            items = iter(items)
            first = next(items, None)
            paths = isinstance(first, str | Path)
            items = chain([] if first is None else [first], items)
        if not paths:
            self._structures = items
            self.description = [{"path": "", "bytes": 0}]
            return
        paths_given = [Path(item) for item in items]
        for path in paths_given:
            found = _files_of(path, form)
            self._files += found
            self.description.append(_described(str(path), found, form))
        if len(paths_given) > DESCRIBED:  # every shard has the description
            name = f"{paths_given[0]} and {len(paths_given) - 1} more"
            self.description = [_described(name, self._files, form)]
        if not self._files:
            raise DataError("there is no input; give files or folders of structures")
        if form:
            self.description = [one | {"format": form} for one in self.description]

    @property
    def weight(self) -> int:
        """Bytes of all files; 0 for structures."""
        return sum(source.n_bytes for source in self._files)

    def parts(self, size: int) -> Iterator[Part]:
        """Cut all inputs into parts of about `size` structures, always in the same way."""
        structures, first = iter(self._structures), 0
        while some := tuple(islice(structures, size)):
            yield Given(some, first)
            first += len(some)
        small: list[str] = []
        weight, most = 0, max(1, size // SLOWER)
        for source, n_bytes, _ in self._files:
            stream = _stream(Path(source), n_bytes, size, self._form)
            if small and (stream or len(small) == most or weight + n_bytes > BYTES):
                yield Files(tuple(small), weight, self._form)
                small, weight = [], 0
            if stream:
                yield from self._readable(stream, source)
            else:
                small.append(source)
                weight += n_bytes
        if small:
            yield Files(tuple(small), weight, self._form)

    def _readable(self, stream: Iterator[Part], source: str) -> Iterator[Part]:
        """Parts of a file; if it cannot be read and there are others, a failed one."""
        try:
            yield from stream
        except UnreadableError as error:
            if len(self._files) == 1:
                raise
            yield Unreadable(source, str(error))
        except (OrbitalError, MemoryError):
            raise
        except Exception as error:  # libraries raise many kinds for damaged pages
            reason = content_or_stop(source, error)
            yield Unreadable(source, f"{reason}; nothing after this is read")


class Source(NamedTuple):
    """A file of an input."""

    path: str
    n_bytes: int
    modified: float  # seconds since 1970

    @classmethod
    def of(cls, path: str, status: os.stat_result) -> Source:
        """Note size and time of a file."""
        return cls(path, status.st_size, status.st_mtime)


def _described(name: str, files: list[Source], form: str | None) -> dict[str, Any]:
    """Number, size and last change of files, and a checksum of these.

    The checksum and the last change are also those of files that a CSV file names.
    """
    every = list(files)
    for source in files:
        if form is None and source.path.endswith(".csv"):
            with suppress(DataError):  # reading it says why
                named = map(Path, named_files(Path(source.path)))
                every += [Source.of(str(at), at.stat()) for at in named if at.is_file()]
    checked = repr([tuple(source) for source in every])
    return {
        "path": name,
        "files": len(files),
        "bytes": sum(source.n_bytes for source in files),
        "modified": max((source.modified for source in every), default=0.0),
        "checksum": hashlib.sha256(checked.encode()).hexdigest()[:16],
    }


def _stream(path: Path, n_bytes: int, size: int, form: str | None) -> Iterator[Part] | None:
    """Parts of a file that holds many structures; None for other files."""
    if form is None:
        if path.suffix == structure_tables.SUFFIX:
            return structure_tables.row_blocks(path, size)
        if path.suffix in database_rows.SUFFIXES:
            return database_rows.id_blocks(path, size)
        if path.suffix == ".csv":
            return table_rows(path, size)
    large = path.suffix in extended_xyz.COMPRESSED or n_bytes > SMALL
    if large and extended_xyz.is_extended_xyz(path, form):
        return extended_xyz.blocks(path, size)
    return None


def _files_of(path: Path, form: str | None) -> list[Source]:
    """Files of an input: itself, or what is in the folder, sorted."""
    if path.is_file():
        return [Source.of(str(path), path.stat())]
    if not path.is_dir():
        raise DataError(f"there is no file or folder {path}")
    if _is_results(path):
        path = path / "shards"
        return [Source.of(str(one), one.stat()) for one in sorted(path.glob("*.parquet"))]
    found = sorted(_walk(str(path), form))
    if not found:
        raise DataError(f"the folder {path} holds no file with a name that ASE knows")
    return found


def _walk(folder: str, form: str | None) -> Iterator[Source]:
    for entry in os.scandir(folder):
        if entry.name.startswith("."):
            continue
        if entry.is_dir(follow_symlinks=False):
            if not _is_results(Path(entry.path)):
                yield from _walk(entry.path, form)
        elif (form or is_structures(entry.name)) and entry.is_file():  # no link to nowhere
            yield Source.of(entry.path, entry.stat())


def _is_results(folder: Path) -> bool:
    """Whether a folder is the output of a run, which may lie among the inputs."""
    return (folder / RUN).is_file() and (folder / "shards").is_dir()


def is_structures(name: str) -> bool:
    """Whether the name of a file is one of structures."""
    suffixes = (structure_tables.SUFFIX, ".csv", *database_rows.SUFFIXES)
    plain = name.removesuffix(".zst")
    if name.endswith(suffixes) or plain.endswith(extended_xyz.SUFFIXES):
        return True
    try:
        known = ioformats.get(filetype(name, read=False))
    except UnknownFileTypeError:
        return False
    return known is not None and known.can_read
