"""Crystals to learn from, with their targets, from wherever a user keeps them."""

from __future__ import annotations

import csv
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ase_orbital.errors import DataError, StructureError
from ase_orbital.structure import read_frames, to_atoms

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import TypeAlias

    from ase import Atoms
    from numpy.typing import NDArray

    from ase_orbital.structure import AtomsLike
    from ase_orbital.training.settings import TrainingSettings

    Source: TypeAlias = str | Path | tuple[Sequence[AtomsLike], Sequence[float]]

logger = logging.getLogger(__name__)


class Record(NamedTuple):
    """A crystal as found, not looked at yet, and the values beside it."""

    id: str
    structure: AtomsLike
    values: dict[str, Any]


class Rejected(NamedTuple):
    """A crystal that cannot be learned from."""

    id: str
    reason: str


@dataclass(frozen=True)
class Dataset:
    """Crystals with targets.

    Parameters
    ----------
    ids
        A name for each, all different.
    structures
        Checked.
    targets : [n_crystals]
        What is learned: the property, its log10, or 0 and 1 for classes.
    marked
        Ids of the crystals whose `test_column` is true.
    rejected
        What was found and cannot be used, and why.
    """

    ids: list[str]
    structures: list[Atoms]
    targets: NDArray[np.float64]
    marked: frozenset[str]
    rejected: list[Rejected]

    def without(self, reasons: dict[str, str]) -> Dataset:
        """Move crystals to the rejected; `reasons` says why, by id."""
        kept = [index for index, name in enumerate(self.ids) if name not in reasons]
        return Dataset(
            [self.ids[index] for index in kept],
            [self.structures[index] for index in kept],
            self.targets[kept],
            self.marked,
            self.rejected + [Rejected(*pair) for pair in reasons.items()],
        )

    def indices(self, ids: Iterable[str]) -> list[int]:
        """Places of crystals by their names; names that are not here are left out."""
        place = {name: index for index, name in enumerate(self.ids)}
        return [place[name] for name in ids if name in place]


def read_dataset(source: Source, settings: TrainingSettings) -> Dataset:
    """Read crystals and targets, and set aside what cannot be used.

    Parameters
    ----------
    source
        A file ASE reads with targets in `info` (extended XYZ, also gzipped), an ASE
        database with targets as key-value pairs, a CSV file with the structures' files
        beside it (or a folder with CGCNN's `id_prop.csv`), or structures and targets as
        two lists.
    settings
        Say which column is the target and which the identifier, and what is learned of it.

    Raises
    ------
    DataError
        If the source cannot be read, or nothing in it can be used.
    """
    ids: dict[str, None] = {}
    structures, targets, rejected = [], [], []
    marked = set()
    n_records = 0
    for record in _records(source, settings):
        n_records += 1
        try:
            if record.id in ids:
                raise DataError("another crystal has the same identifier")
            target = learned(record.values.get(settings.target), settings)
            atoms = to_atoms(record.structure)
            mark = settings.test_column and _truth(record.values, settings.test_column)
        except (DataError, StructureError) as error:
            rejected.append(Rejected(record.id, str(error)))
            continue
        ids[record.id] = None
        structures.append(atoms)
        targets.append(target)
        if mark:
            marked.add(record.id)
    for name, reason in rejected[:10]:
        logger.warning("%s is left out: %s", name, reason)
    if len(rejected) > 10:
        logger.warning("... and %d more are left out", len(rejected) - 10)
    if not structures:
        first = f"; the first, {rejected[0].id}: {rejected[0].reason}" if rejected else ""
        raise DataError(f"none of {n_records} crystals can be learned from{first}")
    return Dataset(list(ids), structures, np.array(targets), frozenset(marked), rejected)


def learned(value: Any, settings: TrainingSettings) -> float:
    """Turn a value of the data into what the network learns.

    Raises
    ------
    DataError
        If there is none, it is no finite number, or has no logarithm where one is needed.
    """
    if value is None:
        raise DataError(f"it has no {settings.target}")
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise DataError(f"its {settings.target}, {value!r}, is not a number") from None
    if not np.isfinite(number):
        raise DataError(f"its {settings.target} is {number}")
    if settings.classes:
        if settings.at_most is not None:
            return float(number <= settings.at_most)
        if number not in (0.0, 1.0):
            raise DataError(
                f"its {settings.target} is {number:g}, and a class is 0 or 1; give at_most"
            )
        return number
    if settings.transform == "log10":
        if number <= 0.0:
            raise DataError(f"its {settings.target} is {number:g}, which has no logarithm")
        return float(np.log10(number))
    return number


def _records(source: Source, settings: TrainingSettings) -> Iterator[Record]:
    if isinstance(source, tuple):
        structures, targets = source
        if len(structures) != len(targets):
            raise DataError(
                f"there are {len(structures)} structures and {len(targets)} targets"
            )
        for index, (structure, target) in enumerate(zip(structures, targets, strict=True)):
            values = {**getattr(structure, "info", {}), settings.target: target}
            yield Record(str(values.get(settings.id, index)), structure, values)
        return
    path = Path(source)
    if path.is_dir() and not (path / "id_prop.csv").is_file():
        raise DataError(f"the folder {path} has no id_prop.csv; give a file")
    if path.is_dir() or path.suffix == ".csv":
        yield from _of_table(path / "id_prop.csv" if path.is_dir() else path, settings)
    elif path.suffix in (".db", ".json") and path.is_file():
        yield from _of_database(path, settings)
    else:
        try:
            frames = read_frames(path)
        except StructureError as error:
            raise DataError(str(error)) from error
        for index, atoms in enumerate(frames):
            # ASE's reader puts what it knows, such as energy, into a calculator.
            values = {**getattr(atoms.calc, "results", {}), **atoms.info}
            yield Record(str(values.get(settings.id, index)), atoms, values)


def _of_table(path: Path, settings: TrainingSettings) -> Iterator[Record]:
    """Rows of a CSV file; a structure's file is named after the identifier."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            lines = [row for row in csv.reader(file) if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} cannot be read: {error}") from error
    header = lines[0] if lines else []
    if {settings.id, settings.target} <= set(header):
        rows = [dict(zip(header, line, strict=False)) for line in lines[1:]]
    elif path.name == "id_prop.csv":
        names = [settings.id, settings.target]
        rows = [dict(zip(names, line, strict=False)) for line in lines]
    else:
        raise DataError(
            f"{path} has no columns {settings.id!r} and {settings.target!r}, only "
            f"{', '.join(header)}"
        )
    files: dict[str, list[Path]] = {}
    for candidate in sorted(path.parent.iterdir()):
        if candidate != path:
            files.setdefault(candidate.stem, []).append(candidate)
            files.setdefault(candidate.name, []).append(candidate)
    for index, row in enumerate(rows):
        name = row.get(settings.id, str(index))
        found = files.get(name, [path.parent / f"{name}.cif"])
        yield Record(name, found[0], dict(row))


def _of_database(path: Path, settings: TrainingSettings) -> Iterator[Record]:
    from ase.db import connect

    try:
        with connect(path) as database:
            for row in database.select():
                values = {**row.data, **row.key_value_pairs}
                name = str(values.get(settings.id, row.id))
                yield Record(name, row.toatoms(), values)
    except DataError:
        raise
    except Exception as error:
        # Whatever the engine behind the database raises for a file that is none.
        raise DataError(f"the database {path} cannot be read: {error}") from error


def _truth(values: dict[str, Any], column: str) -> bool:
    value = values.get(column)
    if value is None:
        raise DataError(f"it has no {column}")
    return str(value).lower() in ("true", "t", "1", "1.0", "yes")
