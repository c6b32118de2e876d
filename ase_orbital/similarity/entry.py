"""Entries of an archive, and the matches it returns."""

from __future__ import annotations

from dataclasses import InitVar, dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from ase import Atoms

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ase_orbital.similarity.fingerprints import Fingerprint

OVERHEAD = 3500  # measured bytes of an entry in addition to its arrays


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
