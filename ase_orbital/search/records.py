"""Files of records, which are written one by one, so that a killed run loses none."""

from __future__ import annotations

import csv
import math
import os
from typing import TYPE_CHECKING, Any

from ase.calculators.singlepoint import SinglePointCalculator
from ase.io.trajectory import Trajectory

from ase_orbital.databases import storable, writing
from ase_orbital.errors import SettingError, check_path
from ase_orbital.files import atomic_write
from ase_orbital.properties import key_of
from ase_orbital.writers import write_extxyz

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ase import Atoms

# Results of a calculator that ASE writes into files of frames.
KEPT = (
    "energy",
    "free_energy",
    "forces",
    "stress",
    "magmom",
    "magmoms",
    "charges",
    "dipole",
)


def cached(atoms: Atoms, name: str) -> Any:
    """Result that the calculator already has for these atoms, or None."""
    results = getattr(atoms.calc, "results", {})
    if name not in results or atoms.calc.calculation_required(atoms, [name]):
        return None
    return results[name]


def frame(atoms: Atoms, record: Mapping[str, Any]) -> Atoms:
    """Copy atoms with the calculator's results, and the record in info."""
    copy = atoms.copy()
    copy.info |= key_value_pairs(record)
    found = {name: cached(atoms, name) for name in KEPT}
    found = {name: value for name, value in found.items() if value is not None}
    if found:
        copy.calc = SinglePointCalculator(copy, **found)
    return copy


def key_value_pairs(record: Mapping[str, Any]) -> dict[str, Any]:
    """Record under the names `orbital_<name>`, without missing values."""
    return {
        key_of(name): value
        for name, value in record.items()
        if value != "" and not (isinstance(value, float) and math.isnan(value))
    }


class Output:
    """File to which records are appended.

    Parameters
    ----------
    path
        File whose suffix determines the format. `.csv` has one line per record. `.extxyz`,
        `.xyz` and `.traj` have one frame per record, with the calculator's results and the
        record as `orbital_<name>` in `info`. `.db` is an ASE database with the record as
        key-value pairs. An existing database is extended; any other file is replaced when
        the first record has been written.

    Raises
    ------
    SettingError
        If the suffix is unknown, or the folder is absent or not writable.

    Notes
    -----
    A database that another program has locked is waited for; see `databases.connect`.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = check_path("output", path)
        if self.path.suffix not in WRITERS:
            raise SettingError(f"{self.path} must end with {', '.join(WRITERS)}")
        if not (self.path.parent.is_dir() and os.access(self.path.parent, os.W_OK)):
            raise SettingError(f"the folder {self.path.parent} is absent or not writable")
        self._columns: list[str] = []

    def add(self, record: Mapping[str, Any], atoms: Atoms) -> None:
        """Append a record and its atoms.

        Raises
        ------
        SettingError
            If it has names that the first record in a CSV file did not have.
        """
        write = WRITERS[self.path.suffix]
        if not self._columns and self.path.suffix != ".db":
            with atomic_write(self.path) as temporary:
                write(temporary, record, atoms, True)
            self._columns = list(record)
            return
        if self.path.suffix == ".csv":
            others = [name for name in record if name not in self._columns]
            if others:
                raise SettingError(
                    f"{self.path} has no column for {', '.join(others)}: its columns are "
                    "those of the first record; use another file for runs of another kind "
                    "or with other labels, or one of frames or rows (.extxyz, .traj, .db)"
                )
            record = {name: record.get(name, "") for name in self._columns}
        write(self.path, record, atoms, False)


def _csv(path: Path, record: Mapping[str, Any], _: Atoms, first: bool) -> None:
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        if first:
            writer.writerow(record)
        writer.writerow(
            "" if isinstance(value, float) and math.isnan(value) else value
            for value in record.values()
        )


def _extxyz(path: Path, record: Mapping[str, Any], atoms: Atoms, _: bool) -> None:
    write_extxyz(path, [frame(atoms, record)], append=True)


def _trajectory(path: Path, record: Mapping[str, Any], atoms: Atoms, _: bool) -> None:
    with Trajectory(path, "a") as file:
        file.write(frame(atoms, record))


def _database(path: Path, record: Mapping[str, Any], atoms: Atoms, _: bool) -> None:
    with writing(path) as database:
        database.write(frame(atoms, {}), storable(key_value_pairs(record)))


WRITERS = {
    ".csv": _csv,
    ".extxyz": _extxyz,
    ".xyz": _extxyz,
    ".traj": _trajectory,
    ".db": _database,
}
