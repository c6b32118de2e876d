"""What an archive keeps of a structure, and what it answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from ase import Atoms

if TYPE_CHECKING:
    from ase_orbital.similarity.fingerprints import Fingerprint

OVERHEAD = 3500  # bytes of an entry beside its numbers, measured


class Match(NamedTuple):
    """What the archive says of a structure.

    Attributes
    ----------
    number
        Of the entry it is like.
    difference
        From that entry, as a fraction of the fingerprints' length.
    new
        Whether the entry was made for it.
    """

    number: int
    difference: float
    new: bool


class Entry:
    """A distinct structure.

    Attributes
    ----------
    number
        Counted from 0 in the order of discovery, and never used again.
    label
        What its finder called it.
    values
        Numbers that were given with it.
    seen
        How often it was added.
    atoms
        Numbers, positions, cell and pbc of the first of them; a new object each time.
    """

    __slots__ = ("_cell", "_numbers", "_pbc", "_positions", "fingerprint", "label",
                 "number", "seen", "values")  # fmt: skip

    def __init__(
        self,
        number: int,
        atoms: Atoms,
        fingerprint: Fingerprint,
        label: str,
        values: dict[str, float],
        seen: int = 1,
    ) -> None:
        self.number = number
        self.label = label
        self.values = values
        self.seen = seen
        self.fingerprint = fingerprint
        self._numbers = atoms.numbers.astype(np.uint8)
        self._positions = atoms.positions.copy()
        self._cell = atoms.cell.array.copy()
        self._pbc = atoms.pbc.copy()

    @property
    def atoms(self) -> Atoms:
        """The structure, without calculator, constraints or info."""
        return Atoms(
            numbers=self._numbers, positions=self._positions, cell=self._cell, pbc=self._pbc
        )

    @property
    def nbytes(self) -> int:
        """Memory, about."""
        arrays = self._numbers.nbytes + self._positions.nbytes + self.fingerprint.nbytes
        return OVERHEAD + int(arrays) + len(self.label)

    def __repr__(self) -> str:
        called = f" {self.label!r}" if self.label else ""
        return (
            f"<{self.number}{called}: {self.fingerprint.formula}, seen {self.seen} times>"
        )
