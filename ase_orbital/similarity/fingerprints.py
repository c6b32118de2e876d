"""Fingerprints of structures: the distinct features of the atoms of each species."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np
from ase import Atoms

from ase_orbital.elements import SYMBOLS
from ase_orbital.errors import SettingError
from ase_orbital.structure import digest, to_atoms, to_atoms_many

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from ase_orbital.descriptors.base import Descriptor
    from ase_orbital.structure import AtomsLike

EQUAL = 1e-6  # features closer than this differ by rounding only, and are merged
NEGLIGIBLE = 1e-7  # values up to this are rounding errors of zero

Composition: TypeAlias = tuple[bool, tuple[tuple[int, int], ...]]


class SpeciesFeatures(NamedTuple):
    """Distinct features of the atoms of one species.

    Attributes
    ----------
    values : [n_distinct, n_features], float32
    copies : [n_distinct]
        Number of atoms with these features, divided by the greatest common divisor.
    """

    values: NDArray[np.float32]
    copies: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Fingerprint:
    """Features of one structure, by species.

    Parameters
    ----------
    composition
        Whether the structure is periodic, and the atomic number and count of each species
        in ascending order. In a periodic structure the counts are reduced to the formula
        unit, so that all cells of one crystal have one composition.
    species
        Features of each species, in the order of `composition`.
    """

    composition: Composition
    species: tuple[SpeciesFeatures, ...]

    def may_equal(self, atoms: Atoms) -> bool:
        """Whether atoms have this composition; others always differ."""
        return composition_of(atoms.numbers, bool(atoms.pbc.any())) == self.composition

    @property
    def formula(self) -> str:
        """Formula with descending atomic numbers, such as "SrTiO3"."""
        counts = sorted(self.composition[1], reverse=True)
        return "".join(f"{SYMBOLS[z]}{n if n > 1 else ''}" for z, n in counts)

    @property
    def shares(self) -> list[float]:
        """Fraction of the atoms that belong to each species."""
        counts = [count for _, count in self.composition[1]]
        return [count / sum(counts) for count in counts]

    @property
    def width(self) -> int:
        """Largest number of features of a species."""
        return max(int(features.values.shape[1]) for features in self.species)

    @property
    def nbytes(self) -> int:
        """Memory of the features in bytes."""
        return sum(part.nbytes for features in self.species for part in features)

    @cached_property
    def length(self) -> float:
        """Root mean square, over the atoms, of the Euclidean norms of their features."""
        square = 0.0
        for share, (values, copies) in zip(self.shares, self.species, strict=True):
            norms = np.square(values, dtype=float).sum(axis=1)
            square += share * float(copies @ norms) / int(copies.sum())
        return float(np.sqrt(square))

    @cached_property
    def moments(self) -> NDArray[np.float64]:
        """Result of `moments_of`, kept for repeated use."""
        return moments_of(self)


def moments_of(fingerprint: Fingerprint) -> NDArray[np.float64]:
    r"""Mean and standard deviation of each feature in each species.

    The Euclidean distance of two such arrays is a lower bound of `distance`. If x and y are
    random variables, here one feature of a species in either structure, every coupling of
    them obeys

    $E (x - y)^2 \ge (m_x - m_y)^2 + (s_x - s_y)^2$

    because their covariance is at most $s_x s_y$, and the best assignment is a coupling.
    Source: Gelbrich, Math. Nachr. 147, 185 (1990).

    Returns
    -------
    [n_species, 2, width]
        Multiplied by the square root of the species' share of the atoms.
    """
    out = np.zeros((len(fingerprint.species), 2, fingerprint.width))
    species = zip(out, fingerprint.shares, fingerprint.species, strict=True)
    for part, share, (values, copies) in species:
        features, weights = values.astype(float), copies / copies.sum()
        mean = weights @ features
        part[0, : features.shape[1]] = mean
        part[1, : features.shape[1]] = np.sqrt(weights @ np.square(features - mean))
        part *= np.sqrt(share)
    return out


class Fingerprints:
    """Fingerprints of structures, with a cache.

    Parameters
    ----------
    descriptor
        Descriptor that gives the features.
    n_top
        Describe all atoms, but compare only the last `n_top` of them, as ase_ga's
        comparators do for a cluster on a slab; None for all.
    size
        Largest number of fingerprints in the cache. The least recently used are dropped.
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
        self._cache: dict[str, Fingerprint] = {}

    def of(self, structure: AtomsLike) -> Fingerprint:
        """Fingerprint of one structure; errors are those of `Descriptor.create`."""
        # Cached structures have passed the checks of `to_atoms`, which are expensive.
        atoms = structure if isinstance(structure, Atoms) else to_atoms(structure)
        name = digest(atoms)
        found = self._cache.pop(name, None)
        if found is None:
            found = self._fingerprint(atoms, self.descriptor.create(atoms))
        self._store({name: found})
        return found

    def of_many(self, structures: Iterable[AtomsLike]) -> list[Fingerprint]:
        """Fingerprints of many structures, in input order, computed in one batch."""
        every = to_atoms_many(structures)
        names = [digest(atoms) for atoms in every]
        found = {name: self._cache.pop(name) for name in {*names} & self._cache.keys()}
        new = {
            name: one for name, one in zip(names, every, strict=True) if name not in found
        }
        features = self.descriptor.create_many(new.values())
        for (name, atoms), values in zip(new.items(), features, strict=True):
            found[name] = self._fingerprint(atoms, values)
        self._store(found)
        return [found[name] for name in names]

    def _store(self, found: dict[str, Fingerprint]) -> None:
        """Append to the cache, and drop the least recently used beyond its size."""
        self._cache |= found
        while len(self._cache) > self.size:
            del self._cache[next(iter(self._cache))]

    def _fingerprint(
        self, atoms: Atoms, features: NDArray[np.floating[Any]]
    ) -> Fingerprint:
        top = slice(None) if self.n_top is None else slice(-self.n_top, None)
        numbers = atoms.numbers[top]
        features = self.descriptor.compact(features[top])
        kinds = composition_of(numbers, bool(atoms.pbc.any()) and self.n_top is None)
        species = tuple(distinct(features[numbers == z]) for z, _ in kinds[1])
        return Fingerprint(kinds, species)


def composition_of(numbers: NDArray[np.integer[Any]], periodic: bool) -> Composition:
    """`Fingerprint.composition` of atoms with these atomic numbers, [n_atoms]."""
    kinds, counts = np.unique(numbers, return_counts=True)
    counts = counts // (np.gcd.reduce(counts) if periodic else 1)
    return periodic, tuple(zip(kinds.tolist(), counts.tolist(), strict=True))


def distinct(features: NDArray[np.floating[Any]]) -> SpeciesFeatures:
    """Merge features that are equal up to rounding, and cut columns of zeros at the end.

    Parameters
    ----------
    features : [n_atoms, n_features]
        Features of the atoms of one species.
    """
    large = np.flatnonzero(np.abs(features).max(axis=0) > NEGLIGIBLE)
    left = features[:, : large[-1] + 1 if len(large) else 1]
    merged, copies = [], []
    while len(left):
        same = np.square(left - left[0]).sum(axis=1) < EQUAL**2
        merged.append(left[same].mean(axis=0))
        copies.append(np.count_nonzero(same))
        left = left[~same]
    values = np.array(merged, np.float32)
    # A difference relative to the length of rounding errors has no meaning.
    values[np.abs(values).max(axis=1) <= NEGLIGIBLE] = 0.0
    # Sort, so that equal crystals are summed in the same order whatever that of the atoms.
    order = np.lexsort(values.T[::-1])
    counts = np.array(copies)[order]
    return SpeciesFeatures(values[order], counts // np.gcd.reduce(counts))
