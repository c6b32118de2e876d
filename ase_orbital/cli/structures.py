"""Read structures from files, with labels that name file and frame."""

from __future__ import annotations

import sys
import warnings
from argparse import ArgumentTypeError
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

from ase_orbital.databases import IDS
from ase_orbital.errors import OrbitalError, SettingError, StructureError
from ase_orbital.files import printable
from ase_orbital.readers import read_frames
from ase_orbital.structure import validate

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from ase import Atoms

STDIN = Path("-")
# In info, from the rows of a database; a file can have names such as "data" of its own.
PAIRS, DATA = "_key_value_pairs_of_row", "_data_of_row"
ALL = ":"


class Source(NamedTuple):
    """A file, or standard input, and its frames in ASE's notation of slices."""

    path: Path
    frames: str = ALL


class NamedStructure(NamedTuple):
    """A structure, and the file and frame that it was read from."""

    label: str
    atoms: Atoms

    @property
    def id(self) -> str:
        """Identifier that the file gives the structure; empty if there is none."""
        given = self.atoms.info.get(PAIRS, {}) | self.atoms.info
        return str(next((given[name] for name in IDS if name in given), ""))


class Unusable(NamedTuple):
    """A frame that is no valid structure, or a file that cannot be read."""

    label: str
    error: OrbitalError
    id: str = ""


def add_files(
    parser: ArgumentParser,
    meaning: str = "any format that ASE reads; all frames, or those of an index, as in "
    "FILE@0:5 or FILE@-1; - for extended XYZ from standard input",
) -> None:
    parser.add_argument("files", nargs="+", type=source, metavar="FILE", help=meaning)
    add_format(parser)


def add_format(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--format",
        metavar="NAME",
        help="ASE's name of the files' format, such as vasp (default: from the file name)",
    )


def source(text: str) -> Source:
    """Parse FILE or FILE@INDEX from the command line."""
    path, at, index = text.rpartition("@")
    if not at or Path(text).exists():
        return Source(Path(text))
    try:
        numbers = [int(part) for part in index.split(":") if part]
    except ValueError as error:
        raise ArgumentTypeError(
            f"{text!r}: there is no such file, and {index!r} is not an index of ASE's, "
            "such as 0, -1, 0:5 or ::10"
        ) from error
    if ":" not in index:  # one frame, as a slice
        index = f"{index}:{numbers[0] + 1 or ''}"
    return Source(Path(path), index)


def read_structures(
    arguments: Namespace, check: Callable[[Atoms], object] = validate
) -> list[NamedStructure | Unusable]:
    """Read the structures of all files, and report those that cannot be used on stderr."""
    found: list[NamedStructure | Unusable] = []
    for given in dict.fromkeys(arguments.files):
        found += checked_frames(given, check, arguments.format)
    for one in found:
        if isinstance(one, Unusable):
            report(one.label, one.error)
    return found


def read_files(arguments: Namespace) -> tuple[list[NamedStructure], int]:
    """Read all valid structures, and report and count the others."""
    found = read_structures(arguments)
    good = [one for one in found if isinstance(one, NamedStructure)]
    return good, len(found) - len(good)


def checked_frames(
    given: Source, check: Callable[[Atoms], object] = validate, form: str | None = None
) -> list[NamedStructure | Unusable]:
    """Read the frames of a file, and check each of them."""
    try:
        frames = _from_stdin(given, form) if given.path == STDIN else _frames(given, form)
    except OrbitalError as error:
        return [Unusable(printable(given.path), error)]
    checked: list[NamedStructure | Unusable] = []
    for frame in named_frames(given, frames):
        try:
            check(frame.atoms)
        except OrbitalError as error:
            checked.append(Unusable(frame.label, error, frame.id))
        else:
            checked.append(frame)
    return checked


def _frames(given: Source, form: str | None) -> list[Atoms]:
    return read_frames(given.path, given.frames, form)


def _from_stdin(given: Source, form: str | None) -> list[Atoms]:
    """Read from standard input through a file, because some formats need to seek."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "stdin"
        path.write_bytes(sys.stdin.buffer.read())
        try:
            return read_frames(path, given.frames, form or "extxyz")
        except StructureError as error:
            raise StructureError(str(error).replace(str(path), "standard input")) from error


def labels_of(given: Source, n_frames: int) -> list[str]:
    """Name of the file for each frame and, if there may be several, the frame's number.

    Numbers of frames that are counted from the end are negative.
    """
    path, index = printable(given.path), given.frames
    if index == ALL and n_frames == 1:
        return [path]
    start, _, rest = index.partition(":")
    step = int(rest.partition(":")[2] or 1)
    first = int(start) if start else (0 if step > 0 else -1)
    if first < 0 < step and not rest:  # more than the file has may be asked for
        first = max(first, -n_frames)
    return [f"{path}@{first + step * place}" for place in range(n_frames)]


def named_frames(given: Source, frames: list[Atoms]) -> list[NamedStructure]:
    """Frames of a file with their labels."""
    return [
        NamedStructure(*pair)
        for pair in zip(labels_of(given, len(frames)), frames, strict=True)
    ]


def annotated(atoms: Atoms, values: Mapping[str, Any]) -> Atoms:
    """Copy atoms with their calculator, and add values to `info`."""
    frame = atoms.copy()
    frame.calc = atoms.calc
    frame.info |= values
    return frame


def check_not_read(arguments: Namespace) -> None:
    """Raise SettingError if the output would replace one of the files to read."""
    output = arguments.output
    if output and output.exists():
        for path in {given.path for given in arguments.files}:
            if path.exists() and path.samefile(output):
                raise SettingError(
                    f"{output} is one of the files to read, and would be replaced; give "
                    "another file"
                )


def copy_database_info(
    sources: Iterable[Source], structures: Iterable[NamedStructure]
) -> None:
    """Copy key-value pairs and data of databases into the info of their structures."""
    from ase_orbital.databases import connect

    structures = list(structures)
    for path in {given.path for given in sources if given.path.suffix == ".db"}:
        name = printable(path)
        if not any(one.label.startswith(name) for one in structures):
            continue  # it cannot be read
        rows = list(connect(path).select())
        of_label: dict[str, Any] = {name: rows[0]} if rows else {}
        for start in (0, -len(rows)):  # frames can be counted from the end
            of_label |= {f"{name}@{start + index}": row for index, row in enumerate(rows)}
        for label, atoms in structures:
            if label in of_label:
                atoms.info[PAIRS] = dict(of_label[label].key_value_pairs)
                atoms.info[DATA] = dict(of_label[label].data)


def flat(atoms: Atoms) -> Atoms:
    """Move the key-value pairs of a database to `info`, for files of structures."""
    atoms.info |= atoms.info.pop(PAIRS, {})
    atoms.info.pop(DATA, None)
    return atoms


def formula_of(atoms: Atoms) -> str:
    """Reduced formula, such as SrTiO3."""
    return str(atoms.get_chemical_formula("metal", empirical=True))


@contextmanager
def plain_warnings() -> Iterator[None]:
    """Print each warning of this package's predictions once, as one line on stderr."""
    from ase_orbital.predict import ContradictionWarning, PeriodicityWarning

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", PeriodicityWarning)
        warnings.simplefilter("always", ContradictionWarning)
        yield
    for text in dict.fromkeys(str(warning.message) for warning in caught):
        print(f"warning: {text}", file=sys.stderr)


def report(label: str, error: OrbitalError) -> int:
    """Print an error of a structure on stderr, and return 1, to be counted."""
    print(f"{label}: {error}", file=sys.stderr)
    return 1
