"""Read structures from files with ASE, and check the occupancies that it notes."""

from __future__ import annotations

import gzip
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from ase.io import read
from ase.io.formats import UnknownFileTypeError

from ase_orbital.databases import read_rows
from ase_orbital.elements import SYMBOLS
from ase_orbital.errors import StructureError

if TYPE_CHECKING:
    from ase import Atoms


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
    path = Path(path)
    if path.is_dir():
        raise StructureError(f"{path} is a folder, not a file")
    if not path.is_file():
        raise StructureError(f"there is no file {path}")
    try:
        frames = _read(path, index, form)
    except UnknownFileTypeError as error:
        raise StructureError(f"ASE knows no format for {path}: {error}") from error
    except Exception as error:
        # ASE's readers raise many kinds of exceptions, from KeyError to StopIteration.
        reason = f"{type(error).__name__}: {error}"
        raise StructureError(f"{path} cannot be read: {reason}") from error
    if not frames:
        raise StructureError(f"{path} holds no structure")
    return list(frames)


def _read(path: Path, index: str, form: str | None) -> list[Atoms]:
    if path.suffix in (".xyz", ".extxyz"):
        _check_counts(path)
    if form in ("db", "json") or (form is None and path.suffix in (".db", ".json")):
        return read_rows(path, index)
    if form is None and path.name.endswith((".extxyz.gz", ".xyz.gz")):
        # ASE would seek in the compressed stream for every frame, in quadratic time.
        with gzip.open(path, "rt", encoding="utf-8") as file:
            return list(read(io.StringIO(file.read()), index=index, format="extxyz"))
    return list(read(path, index=index, format=form, do_not_split_by_at_sign=True))


def _check_counts(path: Path) -> None:
    """Raise ValueError for a number of atoms that no file of this size has.

    ASE's reader would go on for hours after the end of the file.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        for line in file:
            if line.strip().isdigit() and int(line) > size:
                raise ValueError(f"a frame has {int(line)} atoms, the file {size} bytes")


def check_occupancy(atoms: Atoms) -> None:
    """Raise StructureError if ASE's CIF reader found a partially occupied site.

    The reader keeps the majority species of each site and writes
    {kind: {symbol: occupancy}} into `info`, where an occupancy can be a text. Other
    programs use this key differently.
    """
    noted = atoms.info.get("occupancy")
    if not isinstance(noted, dict):
        return
    kinds = np.asarray(atoms.arrays.get("spacegroup_kinds", ())).astype(str).tolist()
    problems: dict[str, tuple[dict[str, Any], float | None]] = {}
    for kind, species in noted.items():
        if not (isinstance(species, dict) and set(species) <= set(SYMBOLS)):
            continue
        try:
            total = sum(map(_share, species.values()))
        except ValueError:
            problems[str(kind)] = species, None
        else:
            if len(species) != 1 or not _is_whole(total):
                problems[str(kind)] = species, total
    if kinds:
        _join_charges(problems, kinds)
    for kind, (species, found) in problems.items():
        what = "has an unknown occupancy" if found is None else "is partially occupied"
        shares = ", ".join(f"{symbol} {share}" for symbol, share in species.items())
        atom = f" (atom {kinds.index(kind)})" if kind in kinds else ""
        raise StructureError(
            f"site {kind}{atom} {what} ({shares}); make an ordered structure first, "
            "and delete atoms.info['occupancy']"
        )


def _join_charges(
    problems: dict[str, tuple[dict[str, Any], float | None]], kinds: list[str]
) -> None:
    """Remove pairs of species that fill one site with one element, as Fe2+ and Fe3+ do.

    ASE drops their charges, keeps one of the two, and notes the occupancy of the other.
    """
    dropped = [kind for kind in problems if kind not in kinds]
    for kind in [kind for kind in problems if kind in kinds]:
        species, share = problems[kind]
        for other in dropped:
            same, rest = problems[other]
            whole = share is not None and rest is not None and _is_whole(share + rest)
            if len(species) == 1 and species.keys() == same.keys() and whole:
                dropped.remove(other)
                del problems[kind], problems[other]
                break


def _is_whole(share: float) -> bool:
    return abs(share - 1.0) <= 1e-3


def _share(value: Any) -> float:
    """Occupancy as a number; it is 1 where a CIF has its default. ValueError for others."""
    if value is None or value == ".":
        return 1.0
    return float(str(value))
