"""Environments of atoms, sorted by size, for matrices that are computed together."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from ase_orbital.neighbors.batch import Surroundings

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

logger = logging.getLogger(__name__)

TIE = 1e-4  # Å; neighbors nearer than this to one distance are one shell


class Environment(NamedTuple):
    """Environments of one size, from any number of structures.

    center : [n_environments] place among all that were gathered; atoms :
    [n_environments, n] among all atoms, the center first; points : [n_environments, n, 3]
    relative to the center, Å.
    """

    center: Integers
    atoms: Integers
    points: Floats


class Gathered(NamedTuple):
    """What surrounds the first atoms of all orbits of some structures.

    atom : [n_environments] the center among all atoms; size : [n_environments] atoms of
    the environment, the center included; begin : [n_environments] its first pair; neighbor
    : [n_pairs] among all atoms; vector : [n_pairs, 3] Å.
    """

    atom: Integers
    size: Integers
    begin: Integers
    neighbor: Integers
    vector: Floats

    def parts(self, chosen: Integers, room: int, per_atom: int) -> Iterator[Environment]:
        """Chosen environments by size, in parts whose matrices have at most `room` numbers.

        `per_atom` are the rows each atom has in a matrix.
        """
        for part in by_size(self.size[chosen] * per_atom, room):
            yield self.around(chosen[part])

    def around(self, center: Integers) -> Environment:
        """Environments of one size, by their places."""
        n = self.size[center[0]]
        members = self.begin[center][:, None] + np.arange(n - 1)
        points = np.zeros((len(center), n, 3))
        points[:, 1:] = self.vector[members]
        atoms = np.empty((len(center), n), np.int64)
        atoms[:, 0] = self.atom[center]
        atoms[:, 1:] = self.neighbor[members]
        return Environment(center, atoms, points)


def by_size(sizes: Integers, room: int) -> Iterator[Integers]:
    """Places of matrices of one size, in parts of at most `room` numbers or one matrix."""
    for n in np.unique(sizes):
        alike = np.flatnonzero(sizes == n)
        step = max(1, room // n**2)
        for start in range(0, len(alike), step):
            yield alike[start : start + step]


def gather(structures: list[Surroundings], cutoff: float, most: int) -> Gathered:
    """Environments within a cutoff (Å), of at most so many atoms, center included.

    Where there are more, the nearest are kept, and of the outermost shell either all or
    none.
    """
    n_atoms = np.array([len(around.atoms) for around in structures])
    n_pairs = np.array([len(around.pairs.neighbor) for around in structures])
    n_orbits = np.array([len(around.orbits.first) for around in structures])
    atoms_before, pairs_before = (np.cumsum(n) - n for n in (n_atoms, n_pairs))
    distance = np.concatenate([around.pairs.distance for around in structures])
    neighbor = np.concatenate([around.pairs.neighbor for around in structures])
    begin = np.concatenate([s.pairs.first[s.orbits.first] for s in structures])
    end = np.concatenate([s.pairs.first[s.orbits.first + 1] for s in structures])
    first = np.concatenate([around.orbits.first for around in structures])
    begin += np.repeat(pairs_before, n_orbits)
    end += np.repeat(pairs_before, n_orbits)
    # Damping is zero at the rim, so what rounding puts there makes no difference
    # but to the number of eigenvalues.
    inside = np.concatenate([[0], np.cumsum(distance < cutoff * (1.0 - 1e-9))])
    size = 1 + inside[end] - inside[begin]
    for center in np.flatnonzero(size > most):
        around = distance[begin[center] : end[center]]
        kept = most - 1
        while kept > 0 and around[kept] - around[kept - 1] < TIE:
            kept -= 1
        logger.info(
            "atom %d has %d atoms within %g Å; the nearest %d are used",
            first[center], size[center], cutoff, kept + 1,
        )  # fmt: skip
        size[center] = kept + 1
    return Gathered(
        first + np.repeat(atoms_before, n_orbits),
        size,
        begin,
        neighbor + np.repeat(atoms_before, n_pairs),
        np.concatenate([around.pairs.vector for around in structures]),
    )
