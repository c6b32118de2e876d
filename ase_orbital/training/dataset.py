"""Read crystals and their targets from files, databases, tables or lists."""

from __future__ import annotations

import csv
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from ase.calculators.calculator import all_properties

from ase_orbital.databases import bare_atoms, connect
from ase_orbital.errors import DataError, StructureError
from ase_orbital.properties import RELAXATION_ENERGY
from ase_orbital.readers import read_frames
from ase_orbital.structure import to_atoms

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import TypeAlias

    from ase import Atoms
    from numpy.typing import NDArray
    from pandas import DataFrame

    from ase_orbital.structure import AtomsLike
    from ase_orbital.training.settings import TrainingSettings

    # Identifier for a structure without one, the structure, and its values by name.
    Sample: TypeAlias = tuple[Any, AtomsLike, Mapping[str, Any]]
    Columns: TypeAlias = Mapping[str, Sequence[Any]] | DataFrame
    Source: TypeAlias = str | Path | tuple[Sequence[AtomsLike], Sequence[float]] | Columns

logger = logging.getLogger(__name__)

LARGEST = float(np.finfo(np.float32).max)  # networks learn in single precision
FEWEST_DIGITS = 1000  # steps of single precision in a standard deviation
TWICE = "another crystal has the same identifier"


class Rejected(NamedTuple):
    """A crystal that cannot be used, and the reason."""

    id: str
    reason: str


@dataclass(frozen=True)
class Dataset:
    """Crystals with targets.

    Parameters
    ----------
    ids
        Identifiers of the crystals, all different.
    structures
        Crystals, checked by `to_atoms`.
    targets : [n_crystals]
        Values to learn: the property, its log10, or 0 and 1 for classes.
    groups
        Group of each crystal: that of the `group_column`, or its identifier.
    weights : [n_crystals]
        Weights in the loss.
    relaxation : [n_crystals]
        Known relaxation energies, eV/atom; nan for others.
    test_ids
        Identifiers of the crystals whose `test_column` is true.
    rejected
        Crystals that were found and cannot be used.
    """

    ids: list[str]
    structures: list[Atoms]
    targets: NDArray[np.float64]
    groups: list[str]
    weights: NDArray[np.float64]
    relaxation: NDArray[np.float64]
    test_ids: frozenset[str]
    rejected: list[Rejected]

    def without(self, reasons: Mapping[str, str]) -> Dataset:
        """Return a dataset in which some crystals are rejected, with reasons by id."""
        kept = self.select(name for name in self.ids if name not in reasons)
        rejected = [Rejected(*pair) for pair in reasons.items()]
        return replace(kept, rejected=self.rejected + rejected)

    def select(self, ids: Iterable[str]) -> Dataset:
        """Return a dataset of some crystals, in the order of their identifiers."""
        kept = self.indices(ids)
        return replace(
            self,
            ids=[self.ids[index] for index in kept],
            structures=[self.structures[index] for index in kept],
            targets=self.targets[kept],
            groups=[self.groups[index] for index in kept],
            weights=self.weights[kept],
            relaxation=self.relaxation[kept],
        )

    def indices(self, ids: Iterable[str]) -> list[int]:
        """Return the indices of crystals; unknown identifiers are skipped."""
        place = {name: index for index, name in enumerate(self.ids)}
        return [place[name] for name in ids if name in place]


def read_dataset(source: Source, settings: TrainingSettings) -> Dataset:
    """Read crystals and targets, and reject those that cannot be used.

    Parameters
    ----------
    source
        A file that ASE reads with targets in `info` (extended XYZ, also gzipped), an ASE
        database with targets as key-value pairs or results, a CSV file beside the files of
        the structures (or a folder with CGCNN's `id_prop.csv`), a pair of two sequences,
        structures and targets, or a DataFrame or dictionary of columns, of which
        "structure" or "atoms" has the structures.
    settings
        Name the columns of target and identifier, and say how the target is learned.

    Raises
    ------
    DataError
        If the source cannot be read, a column of the settings is missing, or no crystal can
        be used.
    """
    used: dict[str, tuple[Atoms, float, str, float, float]] = {}
    rejected, test_ids = [], set()
    samples = [*_read(source, settings)]
    _check_columns(samples, settings)
    for default, structure, values in samples:
        name = _label(values, settings.id, default)
        try:
            if name in used:
                raise DataError(TWICE)
            target = target_value(values.get(settings.target), settings)
            group = _label(values, settings.group_column, name)
            weight = _number(values, settings.weight_column, 1.0)
            relaxation = _number(values, RELAXATION_ENERGY, np.nan)
            atoms = to_atoms(structure)
            if settings.test_column and _is_true(values, settings.test_column):
                test_ids.add(name)
        except (DataError, StructureError) as error:
            rejected.append(Rejected(name, str(error)))
        else:
            used[name] = atoms, target, group, weight, relaxation
    for name, reason in rejected[:10]:
        logger.warning("%s is left out: %s", name, reason)
    if len(rejected) > 10:
        logger.warning("... and %d more are left out", len(rejected) - 10)
    if len(used) == 1 and rejected and all(at.reason == TWICE for at in rejected):
        raise DataError(
            f"all {len(rejected) + 1} crystals have the identifier {rejected[0].id!r}; "
            "give another column of the data as the setting id"
        )
    if not used:
        first = f"; the first is {': '.join(rejected[0])}" if rejected else ""
        raise DataError(f"none of the {len(rejected)} crystals can be used{first}")
    structures, targets, groups, *numbers = zip(*used.values(), strict=True)
    weights, relaxation = np.array(numbers)
    if not weights.any():
        raise DataError(f"the {settings.weight_column} of all crystals is 0; weigh some")
    _check_precision(np.array(targets), settings.target)
    return Dataset(
        ids=list(used),
        structures=[*structures],
        targets=np.array(targets),
        groups=[*groups],
        weights=weights,
        relaxation=relaxation,
        test_ids=frozenset(test_ids),
        rejected=rejected,
    )


def _label(values: Mapping[str, Any], column: str, missing: object) -> str:
    """Return an identifier as text; ASE reads a T or F in a file as True or False."""
    value = values.get(column)
    if value is None or value == "":
        value = missing
    return "FT"[int(value)] if isinstance(value, bool | np.bool_) else str(value)


def _check_precision(targets: NDArray[np.float64], name: str) -> None:
    """Warn of targets whose differences are lost in single precision."""
    spread, digit = targets.std(), np.spacing(np.float32(abs(targets).max()))
    if 0.0 < spread < FEWEST_DIGITS * digit:
        logger.warning(
            "the values of %s differ by %.2g around %.6g, where single precision has steps "
            "of %.2g; subtract a constant, such as the energies of the atoms",
            name, spread, targets.mean(), digit,
        )  # fmt: skip


def _check_columns(samples: Sequence[Sample], settings: TrainingSettings) -> None:
    """Raise DataError if no sample has a column that the settings name."""
    columns = dict.fromkeys(name for _, _, values in samples for name in values)
    named = {"column": settings.target, "test_column": settings.test_column}
    for setting in ("id", "group_column", "weight_column"):
        default = type(settings).model_fields[setting].default
        named[setting] = None if (at := getattr(settings, setting)) == default else at
    for setting, column in named.items():
        if samples and column is not None and column not in columns:
            raise DataError(
                f"the data have no {column!r}, which is the setting {setting}; they have "
                f"{', '.join(map(str, columns)) or 'only structures'}"
            )


def target_value(value: Any, settings: TrainingSettings) -> float:
    """Convert a value in the data to the target of the network.

    Raises
    ------
    DataError
        If the value is missing, not a finite number, or has no logarithm where the
        logarithm is learned.
    """
    if value is None:
        raise DataError(f"it has no {settings.target}")
    try:
        # Also an array of one number, as databases store them.
        number = float(value.item() if isinstance(value, np.ndarray) else value)
    except (TypeError, ValueError):
        raise DataError(f"its {settings.target}, {value!r}, is not a number") from None
    if not abs(number) <= LARGEST:  # also false for nan
        raise DataError(
            f"its {settings.target} is {number:g}, which is not finite in single precision"
        )
    if settings.classes:
        if settings.at_most is not None:
            return float(number <= settings.at_most)
        if number not in (0.0, 1.0):
            raise DataError(
                f"its {settings.target} is {number:g}, and a class is 0 or 1; give at_most"
            )
        return number
    if settings.target_transform == "log10":
        if number <= 0.0:
            raise DataError(f"its {settings.target} is {number:g}, which has no logarithm")
        return float(np.log10(number))
    return number


def _number(values: Mapping[str, Any], column: str, missing: float) -> float:
    """Read a number that not all crystals have; DataError if it is none, or below zero."""
    value = values.get(column)
    if value is None or value == "":  # empty fields of a table
        return missing
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = np.nan
    signed = column == RELAXATION_ENERGY
    if not np.isfinite(number) or (number < 0.0 and not signed):
        least = "" if signed else ", not below zero"
        raise DataError(f"its {column}, {value!r}, must be a number{least}")
    return number


def _read(source: Source, settings: TrainingSettings) -> Iterator[Sample]:
    if isinstance(source, tuple | list) and len(source) == 2:
        structures, targets = source
        yield from _from_lists(structures, targets, settings)
        return
    if isinstance(source, Mapping) or hasattr(source, "columns"):
        yield from _from_columns(source)
        return
    if not isinstance(source, str | Path):
        raise DataError(
            f"a {type(source).__name__} is no data set; give a path, structures and "
            "targets as a pair of lists, or a DataFrame"
        )
    path = Path(source)
    if path.is_dir() and not (path / "id_prop.csv").is_file():
        raise DataError(f"the folder {path} has no id_prop.csv; give a file")
    if path.is_dir() or path.suffix == ".csv":
        yield from _from_table(path / "id_prop.csv" if path.is_dir() else path, settings)
    elif path.suffix in (".db", ".json") and path.is_file():
        yield from _from_database(path)
    else:
        try:
            frames = read_frames(path, form=settings.format)
        except StructureError as error:
            raise DataError(str(error)) from error
        for index, atoms in enumerate(frames):
            # ASE's reader puts known names, such as energy, into a calculator.
            values = {**getattr(atoms.calc, "results", {}), **atoms.info}
            yield index, atoms, values


def _from_lists(
    structures: Sequence[AtomsLike], targets: Sequence[float], settings: TrainingSettings
) -> Iterator[Sample]:
    if len(structures) != len(targets):
        raise DataError(
            f"there are {len(structures)} structures and {len(targets)} targets"
        )
    for index, (structure, target) in enumerate(zip(structures, targets, strict=True)):
        values = {**getattr(structure, "info", {}), settings.target: target}
        yield index, structure, values


def _from_columns(table: Any) -> Iterator[Sample]:
    """Read the rows of a DataFrame, or of a dictionary of columns."""
    columns = {str(name): list(table[name]) for name in table}
    named = [name for name in ("structure", "atoms") if name in columns]
    if not named:
        raise DataError(
            f"there is no column 'structure' or 'atoms', only {', '.join(columns)}"
        )
    structures = columns.pop(named[0])
    if len({len(structures), *map(len, columns.values())}) > 1:
        raise DataError("the columns have different lengths")
    # The index of a DataFrame; a list would have a method of this name.
    labels = table.index if hasattr(table, "columns") else range(len(structures))
    for row, (label, structure) in enumerate(zip(labels, structures, strict=True)):
        values = {name: _given(column[row]) for name, column in columns.items()}
        yield label, structure, {**getattr(structure, "info", {}), **values}


def _given(value: Any) -> Any:
    """Return a value of a table; None for the nan that pandas has for an empty field."""
    return None if isinstance(value, float) and np.isnan(value) else value


def _from_table(path: Path, settings: TrainingSettings) -> Iterator[Sample]:
    """Read the rows of a CSV file; the files of the structures bear the identifiers."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            header, *rows = [row for row in csv.reader(file) if row] or [[]]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} cannot be read: {error}") from error
    if not {settings.id, settings.target} <= set(header):
        if path.name != "id_prop.csv":
            raise DataError(
                f"{path} has no columns {settings.id!r} and {settings.target!r}, only "
                f"{', '.join(header)}"
            )
        header, rows = [settings.id, settings.target], [header, *rows]
    files: dict[str, Path] = {}
    for candidate in sorted(path.parent.iterdir()):
        if candidate != path:
            files.setdefault(candidate.stem, candidate)
            files.setdefault(candidate.name, candidate)
    for index, row in enumerate(rows):
        values = dict(zip(header, row, strict=False))
        name = values.get(settings.id, str(index))
        given = path.parent / name  # an identifier can be the path of a file
        found = given if given.is_file() else path.parent / f"{name}.cif"
        yield index, files.get(name, found), values


def _from_database(path: Path) -> Iterator[Sample]:
    try:
        with connect(path) as database:
            for row in database.select():
                atoms = bare_atoms(row)
                results = {name: row[name] for name in all_properties if name in row}
                yield row.id, atoms, {**row.data, **results, **row.key_value_pairs}
    except Exception as error:
        # Each kind of database raises errors of its own for a damaged file.
        raise DataError(f"the database {path} cannot be read: {error}") from error


def _is_true(values: Mapping[str, Any], column: str) -> bool:
    value = values.get(column)
    if value is None:
        raise DataError(f"it has no {column}")
    return str(value).lower() in ("true", "t", "1", "1.0", "yes")
