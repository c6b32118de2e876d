"""Predict for the structures of a part, one row a structure."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from ase_orbital.descriptors.elemental import ElementalFeatures
from ase_orbital.descriptors.gom import GOM
from ase_orbital.descriptors.ofm import OFM
from ase_orbital.errors import ModelError, SettingError
from ase_orbital.numerics.interpreter import interpreter
from ase_orbital.predict import PeriodicityWarning, Predictor
from ase_orbital.properties import IN_DOMAIN, column_names
from ase_orbital.screening.structure_tables import arrow, structure_columns
from ase_orbital.structure import digest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ase import Atoms

    from ase_orbital.descriptors.base import Descriptor
    from ase_orbital.screening.frames import Frame

DESCRIPTORS: dict[str, Callable[[], Descriptor]] = {
    "gom": partial(GOM, n_eigenvalues=66),  # as in the shipped models
    "ofm": OFM,
    "elemental": ElementalFeatures,
}
FIRST = ("id", "source", "frame", "formula", "n_atoms")
LAST = ("error", "digest", "species", "positions", "lattice", "pbc")


@dataclass(frozen=True)
class Columns:
    """Which columns are computed, and how; a small object that can be pickled.

    Parameters
    ----------
    models
        Names or folders.
    device, dtype, domain
        As for `Predictor`.
    descriptors
        Names of `DESCRIPTORS`, whose mean over the atoms becomes a column.
    structures
        Whether the rows contain the structures themselves.
    """

    models: tuple[str, ...]
    device: str | None = None
    dtype: str | None = None
    domain: bool = False
    descriptors: tuple[str, ...] = ()
    structures: bool = True


class RowMaker:
    """Turns structures into an Arrow table. Making one loads the models."""

    def __init__(self, columns: Columns) -> None:
        for name in columns.descriptors:
            if name not in DESCRIPTORS:
                raise SettingError(
                    f"there is no descriptor {name!r}; choose from {', '.join(DESCRIPTORS)}"
                )
        if not columns.models and not columns.descriptors:
            raise ModelError("give at least one model or descriptor")
        self._structures = columns.structures
        self._predictor = None
        if columns.models:
            self._predictor = Predictor(
                columns.models,
                device=columns.device,
                dtype=columns.dtype,
                domain=columns.domain,
            )
        self._descriptors = {name: DESCRIPTORS[name]() for name in columns.descriptors}
        # A killed and resumed run has to compute with the same kernels throughout.
        interpreter.disable()

    @property
    def units(self) -> dict[str, str]:
        """Columns of the predictions in their order, with their units."""
        return {self._names[name]: unit for name, unit in self._units.items()}

    @property
    def _units(self) -> dict[str, str]:
        return self._predictor.units if self._predictor else {}

    @property
    def _names(self) -> dict[str, str]:
        return column_names(self._units, (*FIRST, *self._descriptors, *LAST))

    def table(self, frames: Sequence[Frame]) -> Any:
        """Predict for structures, and describe them, one row each."""
        pa = arrow()
        records: list[dict[str, Any]] = [{"error": one.error} for one in frames]
        read = [row for row, one in enumerate(frames) if one.atoms is not None]
        structures = [frames[row].atoms for row in read]
        for row, record in zip(read, self._predicted(structures), strict=True):
            records[row] = record
        for name, descriptor in self._descriptors.items():
            good = [row for row in read if not records[row]["error"]]
            describe = partial(descriptor.create_many, pool="mean")
            found = self._each(describe, [frames[row].atoms for row in good])
            for row, features in zip(good, found, strict=True):
                if isinstance(features, str):
                    records[row]["error"] = features
                else:
                    records[row][name] = features
        described = [_described(one.atoms) for one in frames]
        columns = {
            "id": pa.array([one.id for one in frames], pa.string()),
            "source": pa.array([one.source for one in frames], pa.string()),
            "frame": pa.array([one.number for one in frames], pa.int64()),
            "formula": pa.array([formula for formula, _ in described], pa.string()),
            "n_atoms": pa.array(
                [None if one.atoms is None else len(one.atoms) for one in frames],
                pa.int32(),
            ),
        }
        for name, column in self._names.items():
            values = [None if record["error"] else record[name] for record in records]
            if name == IN_DOMAIN:
                values = [None if value is None else value == 1.0 for value in values]
            columns[column] = pa.array(
                values, pa.bool_() if name == IN_DOMAIN else pa.float64()
            )
        for name, descriptor in self._descriptors.items():
            kind = pa.list_(pa.float32(), descriptor.n_features)
            columns[name] = pa.array([record.get(name) for record in records], kind)
        columns["error"] = pa.array([record["error"] for record in records], pa.string())
        columns["digest"] = pa.array([hashed for _, hashed in described], pa.string())
        if self._structures:
            complete = zip(frames, described, strict=True)
            columns |= structure_columns(
                [one.atoms if hashed else None for one, (_, hashed) in complete]
            )
        return pa.table(columns)

    def _predicted(self, structures: list[Any]) -> list[dict[str, Any]]:
        if self._predictor is None:
            return [{"error": ""} for _ in structures]
        predict = self._predictor.predict_many
        with warnings.catch_warnings():  # `in_domain` says the same
            warnings.simplefilter("ignore", PeriodicityWarning)
            found = self._each(partial(predict, errors="record"), structures)
        return [{"error": one} if isinstance(one, str) else one for one in found]

    def _each(
        self, function: Callable[[list[Any]], list[Any]], structures: list[Any]
    ) -> list[Any]:
        """Apply a function to a list; where a structure raises an error, give its text."""
        try:
            return function(structures) if structures else []
        except (OSError, MemoryError):
            raise
        except Exception as error:  # one strange structure must not end a long run
            if len(structures) == 1:
                return [" ".join(f"{type(error).__name__}: {error}".split())]
        half = len(structures) // 2
        return self._each(function, structures[:half]) + self._each(
            function, structures[half:]
        )


def identity(atoms: Atoms | None) -> str | None:
    """Digest of a structure, as in the column `digest`."""
    return _described(atoms)[1]


def _described(atoms: Atoms | None) -> tuple[str | None, str | None]:
    """Reduced formula and digest; None for what is no structure of elements."""
    try:
        if atoms is None or not 0 < atoms.numbers.min() <= atoms.numbers.max() < 119:
            return None, None
        formula = str(atoms.get_chemical_formula("metal", empirical=True))
        return formula, digest(atoms)
    except Exception:  # arrays of objects, say; the row has the error of the validation
        return None, None
