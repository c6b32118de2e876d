"""Stream extended XYZ files, also .gz and .zst, in time linear in their size.

ASE's reader looks for the beginning of every frame before it reads the first, and seeks in
compressed files. Here a file is cut into blocks of whole frames by their numbers of atoms;
ASE reads the blocks, in any process.
"""

from __future__ import annotations

import gzip
import io
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from ase.io import read

from ase_orbital.errors import DataError
from ase_orbital.readers import check_columns
from ase_orbital.screening.frames import BYTES, Frame, check_present, content_or_stop

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ase import Atoms

SUFFIXES = (".xyz", ".extxyz")
COMPRESSED = (".gz", ".zst")
OTHERWISE_COMPRESSED = (".bz2", ".xz")  # which only ASE reads


@dataclass(frozen=True)
class Block:
    """Consecutive frames of a file.

    Attributes
    ----------
    source, first
        The file, and the number of the first frame.
    n_frames
        Number of frames.
    offset, length
        Place of the block in a file that is not compressed.
    text
        The frames themselves, if the file is compressed.
    problem
        Why the file cannot be read after this block; empty if it can.
    """

    source: str
    first: int
    n_frames: int
    offset: int
    length: int
    weight: int
    text: bytes | None = None
    problem: str = ""

    def frames(self) -> Iterator[Frame]:
        """Read the frames; one that ASE cannot read becomes a failed one."""
        text = self._content() if self.text is None else self.text
        try:
            found: list[Atoms | str] = list(_parsed(text))
        except Exception:  # ASE's readers raise many kinds
            found = []
        if len(found) != self.n_frames:
            found = [_one(part) for part in _split(text)]
        for number, atoms in enumerate(found, self.first):
            if isinstance(atoms, str):
                yield Frame.failed(self.source, number, atoms)
            else:
                yield Frame.of(atoms, self.source, number)
        if self.problem:
            yield Frame.failed(self.source, self.first + self.n_frames, self.problem)

    def _content(self) -> bytes:
        check_present(self.source)
        with Path(self.source).open("rb") as file:
            file.seek(self.offset)
            text = file.read(self.length)
        if len(text) < self.length:
            raise DataError(f"the input {self.source} has become shorter")
        return text


def is_extended_xyz(path: Path, form: str | None) -> bool:
    """Whether `blocks` can read a file, by ASE's name of its format or by its own name."""
    if form is None:
        plain = path.with_suffix("") if path.suffix in COMPRESSED else path
        return plain.suffix in SUFFIXES
    return form == "extxyz" and path.suffix not in OTHERWISE_COMPRESSED


def blocks(path: Path, size: int) -> Iterator[Block]:
    """Cut a file into blocks of at most `size` frames or about 16 MiB."""
    keep = path.suffix in COMPRESSED
    n_bytes = path.stat().st_size
    most = n_bytes * (1000 if keep else 1)  # gzip cannot compress further
    first = offset = weighed = 0
    with _opened(path) as (file, raw):
        ended, problem, line = False, "", b""
        while not ended:
            lines: list[bytes] = []
            n_frames = length = 0
            try:
                while n_frames < size and length < BYTES:
                    line = file.readline()
                    if not line:
                        ended = True
                        break
                    frame = [line]
                    if line.strip():
                        count = int(line)
                        if not 0 <= count <= most:
                            raise ValueError(f"a frame has {count} atoms")
                        frame.extend(islice(file, count + 1))
                        n_frames += 1
                    length += sum(map(len, frame))
                    if keep:
                        lines += frame
            except Exception as error:  # neither gzip nor zstandard has one class of errors
                ended, problem = True, _explained(path, line, error)
            where = raw.tell()
            text = b"".join(lines) if keep else None
            if n_frames or problem:
                weight = where - weighed if keep else length
                yield Block(
                    str(path), first, n_frames, offset, length, weight, text, problem
                )
            first, offset, weighed = first + n_frames, offset + length, where


def _explained(path: Path, line: bytes, error: Exception) -> str:
    if isinstance(error, ValueError):
        shown = line.decode("utf-8", "replace").strip()[:40]
        reason = f"a frame begins with {shown!r} where its number of atoms should be"
    else:
        reason = f"the file is damaged ({content_or_stop(path, error)})"
    return f"{reason}; nothing after this is read"


@contextmanager
def _opened(path: Path) -> Iterator[tuple[BinaryIO, BinaryIO]]:
    """Open a file for its content, and as it lies on the disk."""
    with path.open("rb") as raw:
        if path.suffix == ".gz":
            yield io.BufferedReader(_Gzip(fileobj=raw), 2**20), raw
        elif path.suffix == ".zst":
            try:
                import zstandard
            except ImportError as error:
                raise DataError(
                    f"{path} needs zstandard: pip install 'ase-orbital[screen]'"
                ) from error
            stream = zstandard.ZstdDecompressor().stream_reader(
                raw, read_across_frames=True
            )
            yield io.BufferedReader(stream, 2**20), raw
        else:
            yield raw, raw


class _Gzip(gzip.GzipFile):
    """A gzip file that gives what can be read before it raises an error."""

    def readinto(self, buffer: Any) -> int:
        """Read once, instead of until the buffer is full."""
        return self.readinto1(buffer)


def _parsed(text: bytes) -> list[Atoms]:
    check_columns(text, len(text))
    return list(read(io.StringIO(text.decode("utf-8")), index=":", format="extxyz"))


def _split(text: bytes) -> Iterator[bytes]:
    lines = io.BytesIO(text)
    for line in lines:
        if line.strip():
            yield line + b"".join(islice(lines, int(line) + 1))


def _one(text: bytes) -> Atoms | str:
    try:
        (atoms,) = _parsed(text)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return atoms
