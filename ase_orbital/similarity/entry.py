"""Entries of an archive, and the matches it returns."""

from __future__ import annotations

from dataclasses import InitVar, dataclass, field
from numbers import Integral, Real
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from ase import Atoms

from ase_orbital.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from ase_orbital.similarity.fingerprints import Fingerprint

OVERHEAD = 3500  # measured bytes of an entry in addition to its arrays


def checked_label(label: str | int) -> str:
    """Return a label as text; SettingError if it is neither text nor a whole number."""
    if not isinstance(label, str | Integral):
        raise SettingError(f"a label is a text, and not {label!r}")
    return str(label)


def checked_values(values: Mapping[str, float]) -> dict[str, float]:
    """Return plain numbers, also for those of numpy; SettingError for anything else."""
    for name, value in values.items():
        if not isinstance(value, Real):
            raise SettingError(f"the value {name} is a number, and not {value!r}")
    return {name: float(value) for name, value in values.items()}


class Match(NamedTuple):
    """The entry that a structure belongs to.

    Attributes
    ----------
    number
        Number of the entry.
    difference
        Difference from that entry, as a fraction of the fingerprints' length.
    new
        Whether the entry was created for this structure.
    """

    number: int
    difference: float
    new: bool


@dataclass(slots=True, eq=False, repr=False)
class Entry:
    """A distinct structure in an archive.

    Attributes
    ----------
    number
        Number in the order of discovery, from 0; never used again.
    label, values
        Label and numbers that were given when it was added first.
    seen
        How many times it was added.
    atoms
        Numbers, positions, cell and pbc of the structure that was added first, as a new
        object at each access.
    """

    number: int
    structure: InitVar[Atoms]
    fingerprint: Fingerprint
    label: str
    values: dict[str, float]
    seen: int = 1
    _numbers: NDArray[np.uint8] = field(init=False)
    _positions: NDArray[np.float64] = field(init=False)
    _cell: NDArray[np.float64] = field(init=False)
    _pbc: NDArray[np.bool_] = field(init=False)

    def __post_init__(self, structure: Atoms) -> None:
        """Copy the arrays of the structure."""
        self._numbers = structure.numbers.astype(np.uint8)
        self._positions = structure.positions.copy()
        self._cell = structure.cell.array.copy()
        self._pbc = structure.pbc.copy()

    @property
    def atoms(self) -> Atoms:
        """The structure, without calculator, constraints and info."""
        return Atoms(
            numbers=self._numbers, positions=self._positions, cell=self._cell, pbc=self._pbc
        )

    @property
    def nbytes(self) -> int:
        """Approximate memory in bytes."""
        arrays = self._numbers.nbytes + self._positions.nbytes + self.fingerprint.nbytes
        return OVERHEAD + int(arrays) + len(self.label)

    def __repr__(self) -> str:
        called = f" {self.label!r}" if self.label else ""
        return (
            f"<{self.number}{called}: {self.fingerprint.formula}, seen {self.seen} times>"
        )
