"""Rows of a search as files: written one by one, so that a killed run loses none."""

from __future__ import annotations

import csv
import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ase.calculators.singlepoint import SinglePointCalculator
from ase.db import connect
from ase.io import write as write_frame
from ase.io.trajectory import Trajectory

from ase_orbital.errors import SettingError
from ase_orbital.properties import PREFIX

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ase import Atoms

# What a calculator may have at hand, and files of frames take.
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
    """What the calculator has already found for these atoms, or None; never computes."""
    results = getattr(atoms.calc, "results", {})
    if name not in results or atoms.calc.calculation_required(atoms, [name]):
        return None
    return results[name]


def frame(atoms: Atoms, row: Mapping[str, Any]) -> Atoms:
    """Copy of atoms with what the calculator has, and a row as `orbital_<name>` in info."""
    copy = atoms.copy()
    copy.info |= pairs(row)
    found = {name: cached(atoms, name) for name in KEPT}
    found = {name: value for name, value in found.items() if value is not None}
    if found:
        copy.calc = SinglePointCalculator(copy, **found)
    return copy


def pairs(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row under names that others leave alone; what is missing is left out."""
    return {
        PREFIX + name: value
        for name, value in row.items()
        if value != "" and not (isinstance(value, float) and math.isnan(value))
    }


class Output:
    """A file that grows by a row at a time.

    Parameters
    ----------
    path
        Its ending says what is written: `.csv`, a line a row; `.extxyz`, `.xyz` or `.traj`,
        a frame a row, with energy and forces if they were at hand and the row as
        `orbital_<name>` in `info`; `.db`, an ASE database, with the row as key-value pairs.
        A database that is there is added to, another file is replaced.

    Raises
    ------
    SettingError
        If the ending is another, or the folder is not there.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        if self.path.suffix not in WRITERS:
            raise SettingError(f"{self.path} must end with {', '.join(WRITERS)}")
        if not (self.path.parent.is_dir() and os.access(self.path.parent, os.W_OK)):
            raise SettingError(f"the folder {self.path.parent} is absent or not writable")
        self._columns: list[str] = []

    def add(self, row: Mapping[str, Any], atoms: Atoms) -> None:
        """Write a row, and the atoms it is of.

        Raises
        ------
        SettingError
            If it has names that the first row of a CSV file did not have.
        """
        first = not self._columns
        self._columns = self._columns or list(row)
        if first and self.path.suffix != ".db":
            self.path.unlink(missing_ok=True)
        if self.path.suffix == ".csv":
            self._refuse_others(row)
            row = {name: row.get(name, "") for name in self._columns}
        WRITERS[self.path.suffix](self.path, row, atoms, first)

    def _refuse_others(self, row: Mapping[str, Any]) -> None:
        others = [name for name in row if name not in self._columns]
        if others:
            raise SettingError(
                f"{self.path} has no column for {', '.join(others)}: its columns are those "
                "of the first row; write into another file, or give every run equal labels"
            )


def _csv(path: Path, row: Mapping[str, Any], _: Atoms, first: bool) -> None:
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        if first:
            writer.writerow(row)
        missing = (isinstance(value, float) and math.isnan(value) for value in row.values())
        writer.writerow(
            "" if gone else value for gone, value in zip(missing, row.values(), strict=True)
        )


def _extxyz(path: Path, row: Mapping[str, Any], atoms: Atoms, _: bool) -> None:
    write_frame(path, frame(atoms, row), format="extxyz", append=True)


def _trajectory(path: Path, row: Mapping[str, Any], atoms: Atoms, _: bool) -> None:
    with Trajectory(path, "a") as file:
        file.write(frame(atoms, row))


def _database(path: Path, row: Mapping[str, Any], atoms: Atoms, _: bool) -> None:
    with connect(path) as database:
        database.write(frame(atoms, {}), pairs(row))


WRITERS = {
    ".csv": _csv,
    ".extxyz": _extxyz,
    ".xyz": _extxyz,
    ".traj": _trajectory,
    ".db": _database,
}
