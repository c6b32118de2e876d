"""Read structures from files with ASE."""

from __future__ import annotations

import gzip
import io
import re
from typing import TYPE_CHECKING

from ase.io import read
from ase.io.formats import (
    UnknownFileTypeError,
    get_compression,
    open_with_compression,
    string2index,
)

from ase_orbital.databases import read_rows
from ase_orbital.errors import StructureError, check_path
from ase_orbital.files import printable
from ase_orbital.occupancy import read_cif

if TYPE_CHECKING:
    from pathlib import Path
    from typing import BinaryIO

    from ase import Atoms

# The columns of the atoms in extended XYZ, "species:S:1:pos:R:3".
PROPERTIES = re.compile(rb"Properties\s*=\s*(\S+)", re.IGNORECASE)
COLUMNS = re.compile(rb":[A-Z]:(\d+)", re.IGNORECASE)


def read_frames(path: str | Path, index: str = ":", form: str | None = None) -> list[Atoms]:
    """Read frames from a file without validating them.

    Parameters
    ----------
    path
        Any file that ASE reads.
    index
        Frames in ASE's notation, such as "-1:" for the last.
    form
        ASE's name of the file format; None to infer it from the file.

    Raises
    ------
    StructureError
        If the file does not exist, or ASE cannot read it.
    """
    path = check_path("path", path, StructureError)
    name = printable(path)
    if path.is_dir():
        raise StructureError(f"{name} is a folder, not a file")
    if not path.is_file():
        raise StructureError(f"there is no file {name}")
    try:
        frames = _read(path, index, form)
    except UnknownFileTypeError as error:
        reason = printable(str(error))
        hint = "; `ase-orbital screen` reads Parquet" if path.suffix == ".parquet" else ""
        raise StructureError(f"ASE knows no format for {name}: {reason}{hint}") from error
    except Exception as error:
        # ASE's readers raise many kinds of exceptions, from KeyError to StopIteration.
        reason = printable(f"{type(error).__name__}: {error}").rstrip(": ")
        if not isinstance(error, OSError):
            reason += "; is it complete, and of the format that its name tells?"
        raise StructureError(f"{name} cannot be read: {reason}") from error
    if not frames:
        place = "" if index in (":", "-1:") else f" at index {index}"
        raise StructureError(f"{name} holds no structure{place}")
    return list(frames)


def _read(path: Path, index: str, form: str | None) -> list[Atoms]:
    if form in ("xyz", "extxyz") or path.suffix in (".xyz", ".extxyz"):
        with path.open("rb") as lines:
            _check_counts(lines, path.stat().st_size)
    if form in ("db", "json") or (form is None and path.suffix in (".db", ".json")):
        return read_rows(path, index)
    plain, _ = get_compression(str(path))
    if form == "cif" or (form is None and plain.lower().endswith(".cif")):
        with open_with_compression(str(path), "rb") as file:
            return list(read_cif(file)[string2index(index)])
    if form is None and path.name.endswith((".extxyz.gz", ".xyz.gz")):
        # ASE would seek in the compressed stream for every frame, in quadratic time.
        with gzip.open(path) as file:
            content = file.read()
        _check_counts(io.BytesIO(content), len(content))
        text = io.StringIO(content.decode("utf-8"), newline=None)
        return list(read(text, index=index, format="extxyz"))
    return list(read(path, index=index, format=form, do_not_split_by_at_sign=True))


def _check_counts(lines: BinaryIO, size: int) -> None:
    """Raise ValueError for a number of atoms or columns that no file of this size has.

    ASE's reader would go on for hours after the end of the file, or take all memory.
    """
    for line in lines:
        if line.strip().isdigit() and int(line) > size:
            raise ValueError(f"a frame has {int(line)} atoms, the file {size} bytes")
        check_columns(line, size)


def check_columns(text: bytes, size: int) -> None:
    """Raise ValueError for a property with more columns than `size` in extended XYZ."""
    for properties in PROPERTIES.findall(text):
        for number in map(int, COLUMNS.findall(properties)):
            if number > size:
                raise ValueError(f"a property has {number} columns in {size} bytes")
