"""What structures are compared by: the distinct rows of a descriptor in each species."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np
from ase import Atoms

from ase_orbital.descriptors.ofm import OFM
from ase_orbital.elements import SYMBOLS
from ase_orbital.errors import SettingError
from ase_orbital.structure import digest, to_atoms, to_atoms_many

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from ase_orbital.descriptors.base import Descriptor
    from ase_orbital.structure import AtomsLike

EQUAL = 1e-6  # rows nearer than this are one: rounding, and a supercell's copies
NEGLIGIBLE = 1e-7  # columns with nothing larger are dropped

Composition: TypeAlias = tuple[bool, tuple[tuple[int, int], ...]]


class Rows(NamedTuple):
    """Rows of the atoms of one species.

    values : [n_distinct, n_features], float32; copies : [n_distinct], how many atoms have
    each, divided by what all have in common.
    """

    values: NDArray[np.float32]
    copies: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Fingerprint:
    """The rows of one structure, by species.

    Parameters
    ----------
    composition
        Whether the structure is periodic, and the atomic number and count of each species,
        ascending; of a periodic structure the counts are reduced, so that all cells of one
        crystal have one composition.
    species
        Rows of each species, in the order of `composition`.
    """

    composition: Composition
    species: tuple[Rows, ...]

    def may_equal(self, atoms: Atoms) -> bool:
        """Whether atoms have this composition: what has another is never alike."""
        return composition_of(atoms.numbers, bool(atoms.pbc.any())) == self.composition

    @property
    def formula(self) -> str:
        """Such as "SrTiO3", by atomic number."""
        counts = sorted(self.composition[1], reverse=True)
        return "".join(f"{SYMBOLS[z]}{n if n > 1 else ''}" for z, n in counts)

    @property
    def shares(self) -> list[float]:
        """Fraction of the atoms that each species is."""
        counts = [count for _, count in self.composition[1]]
        return [count / sum(counts) for count in counts]

    @property
    def width(self) -> int:
        """Features of the longest rows."""
        return max(int(rows.values.shape[1]) for rows in self.species)

    @property
    def nbytes(self) -> int:
        """Memory of the rows."""
        return sum(rows.values.nbytes + rows.copies.nbytes for rows in self.species)

    @cached_property
    def length(self) -> float:
        """Root mean square over the atoms of the Euclidean norms of their rows."""
        square = 0.0
        for share, (values, copies) in zip(self.shares, self.species, strict=True):
            norms = np.square(values, dtype=float).sum(axis=1)
            square += share * float(copies @ norms) / int(copies.sum())
        return float(np.sqrt(square))

    @cached_property
    def moments(self) -> NDArray[np.float64]:
        """`moments_of` this, for those who ask often."""
        return moments_of(self)


def moments_of(fingerprint: Fingerprint) -> NDArray[np.float64]:
    r"""Mean and standard deviation of each feature in each species.

    Their Euclidean distance is a lower bound of `distance`: with random variables x and y,
    the rows of a species of either structure, coupled in whatever way,

    $E (x - y)^2 \ge (m_x - m_y)^2 + (s_x - s_y)^2$

    for each feature, because their covariance is at most $s_x s_y$; and the best assignment
    is one such coupling. Source: Gelbrich, Math. Nachr. 147, 185 (1990).

    Returns
    -------
    [n_species, 2, width]
        Times the square root of the species' share of the atoms.
    """
    out = np.zeros((len(fingerprint.species), 2, fingerprint.width))
    species = zip(out, fingerprint.shares, fingerprint.species, strict=True)
    for part, share, (values, copies) in species:
        rows, weights = values.astype(float), copies / copies.sum()
        mean = weights @ rows
        part[0, : rows.shape[1]] = mean
        part[1, : rows.shape[1]] = np.sqrt(weights @ np.square(rows - mean))
        part *= np.sqrt(share)
    return out


class Fingerprints:
    """Fingerprints of structures, made once for each content.

    Parameters
    ----------
    descriptor
        Gives the rows.
    n_top
        Describe all atoms, but compare only the last so many, as ase_ga's comparators do
        for a cluster on a slab; None for all.
    size
        Most fingerprints kept; of more, those not asked for longest are forgotten.
    """

    def __init__(
        self, descriptor: Descriptor, *, n_top: int | None = None, size: int = 10_000
    ) -> None:
        if n_top is not None and n_top < 1:
            raise SettingError(f"n_top must be at least 1, or None for all, not {n_top}")
        if size < 1:
            raise SettingError(f"size must be at least 1, not {size}")
        self.descriptor = descriptor
        self.n_top = n_top
        self.size = size
        self._kept: dict[str, Fingerprint] = {}

    def of(self, structure: AtomsLike) -> Fingerprint:
        """Fingerprint of one structure.

        Raises
        ------
        StructureError, ElementError
            If the descriptor cannot describe it.
        """
        # What is known by its content has passed the checks, which cost more than all else.
        atoms = structure if isinstance(structure, Atoms) else to_atoms(structure)
        name = digest(atoms)
        found = self._kept.pop(name, None)
        if found is None:
            found = self._fingerprint(atoms, self.descriptor.create(atoms))
        self._keep({name: found})
        return found

    def of_many(self, structures: Iterable[AtomsLike]) -> list[Fingerprint]:
        """Fingerprints of many structures, in input order; new ones are made together."""
        accepted = to_atoms_many(structures)
        names = [digest(atoms) for atoms in accepted]
        found = {name: self._kept.pop(name) for name in {*names} & self._kept.keys()}
        new = {
            name: atoms
            for name, atoms in zip(names, accepted, strict=True)
            if name not in found
        }
        rows = self.descriptor.create_many(new.values())
        for (name, atoms), values in zip(new.items(), rows, strict=True):
            found[name] = self._fingerprint(atoms, values)
        self._keep(found)
        return [found[name] for name in names]

    def _keep(self, found: dict[str, Fingerprint]) -> None:
        """Put what was asked for last behind all others, and forget the first."""
        self._kept |= found
        while len(self._kept) > self.size:
            del self._kept[next(iter(self._kept))]

    def _fingerprint(self, atoms: Atoms, rows: NDArray[np.floating[Any]]) -> Fingerprint:
        top = slice(None) if self.n_top is None else slice(-self.n_top, None)
        numbers = atoms.numbers[top]
        rows = compact(self.descriptor, rows[top])
        kinds = composition_of(numbers, bool(atoms.pbc.any()) and self.n_top is None)
        return Fingerprint(kinds, tuple(distinct(rows[numbers == z]) for z, _ in kinds[1]))


def composition_of(numbers: NDArray[np.integer[Any]], periodic: bool) -> Composition:
    """`Fingerprint.composition` of atoms with these atomic numbers, [n_atoms]."""
    kinds, counts = np.unique(numbers, return_counts=True)
    counts = counts // (np.gcd.reduce(counts) if periodic else 1)
    return periodic, tuple(zip(kinds.tolist(), counts.tolist(), strict=True))


def compact(
    descriptor: Descriptor, rows: NDArray[np.floating[Any]]
) -> NDArray[np.floating[Any]]:
    """Rows that are shorter, and as far from each other within a species.

    A row of the OFM is the outer product of the center's valence orbitals, ones and zeros
    that are the same throughout a species, with its surroundings: 32 numbers say it all.

    Parameters
    ----------
    descriptor
        What made the rows.
    rows : [n_atoms, n_features]

    Returns
    -------
    [n_atoms, 32] for an OFM, else as they came
    """
    if not isinstance(descriptor, OFM):
        return rows
    n_orbitals = descriptor.n_features // 32
    matrices = rows.reshape(len(rows), 32, n_orbitals)[:, :, n_orbitals - 32 :]
    occupied = matrices.any(axis=2).sum(axis=1, keepdims=True)
    return np.asarray(matrices.sum(axis=1) / np.sqrt(np.maximum(occupied, 1)))


def distinct(rows: NDArray[np.floating[Any]]) -> Rows:
    """Merge rows that are equal but for rounding, and cut columns of zeros.

    Parameters
    ----------
    rows : [n_atoms, n_features]
        Of one species.
    """
    large = np.flatnonzero(np.abs(rows).max(axis=0) > NEGLIGIBLE)
    rows = rows[:, : large[-1] + 1 if len(large) else 1]
    merged, copies = [], []
    left = rows
    while len(left):
        same = np.square(left - left[0]).sum(axis=1) < EQUAL**2
        merged.append(left[same].mean(axis=0))
        copies.append(np.count_nonzero(same))
        left = left[~same]
    # In one order whatever that of the atoms, so that equal crystals sum up equally.
    values = np.array(merged, np.float32)
    order = np.lexsort(values.T[::-1])
    counts = np.array(copies)[order]
    return Rows(values[order], counts // np.gcd.reduce(counts))
