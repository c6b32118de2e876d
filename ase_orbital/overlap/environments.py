"""Atoms around a center within a cutoff, grouped by number."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from ase_orbital.neighbors.batch import NeighborBatch

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

logger = logging.getLogger(__name__)

RIM = 1e-9  # of the cutoff: atoms this close to it are damped to zero


class Environments(NamedTuple):
    """Environments of one size, from any structures of a batch.

    Parameters
    ----------
    atoms : [n_environments, n]
        Atoms of the batch, the center first.
    pairs : [n_environments, n - 1]
        Pairs of the batch from the center to the others.
    points : [n_environments, n, 3]
        Positions relative to the center. Å.
    """

    atoms: Integers
    pairs: Integers
    points: Floats


class Extents(NamedTuple):
    """How far the environments of inequivalent atoms extend.

    Parameters
    ----------
    sizes : [n_inequivalent]
        Numbers of atoms, the center included.
    cutoffs : [n_inequivalent]
        Distances at which the damping reaches zero. Å.
    """

    sizes: Integers
    cutoffs: Floats


def environment_extents(batch: NeighborBatch, cutoff: float, max_atoms: int) -> Extents:
    """Find the extents of the environments of all inequivalent atoms.

    An environment with more than `max_atoms` atoms ends where the first atom that is too
    many lies. The damping is zero there, so that atoms leave it continuously, and whole
    shells together.

    Parameters
    ----------
    batch
        Complete up to `cutoff`, in Å.
    max_atoms
        Largest size.
    """
    begin = batch.first_pair[batch.representative]
    end = batch.first_pair[batch.representative + 1]
    # Atoms that rounding puts at the cutoff would only change the number of eigenvalues.
    inside = np.concatenate([[0], np.cumsum(batch.distance < cutoff * (1.0 - RIM))])
    sizes, cutoffs = 1 + inside[end] - inside[begin], np.full(len(begin), cutoff)
    for center in np.flatnonzero(sizes > max_atoms):
        distance = batch.distance[begin[center] : begin[center] + max_atoms]
        cutoffs[center] = distance[-1]
        kept = 1 + int(np.searchsorted(distance, distance[-1] * (1.0 - RIM)))
        atom = batch.representative[center]
        before = batch.first_atom[np.searchsorted(batch.first_atom, atom, "right") - 1]
        message = "atom %d has %d atoms within %g Å; the nearest %d are used"
        logger.info(message, atom - before, sizes[center], cutoff, kept)
        sizes[center] = kept
    return Extents(sizes, cutoffs)


def with_rim(batch: NeighborBatch, extents: Extents, cutoff: float) -> Extents:
    """Include the atoms at which the environments that end before `cutoff` (Å) do so."""
    sizes = extents.sizes.copy()
    for center in np.flatnonzero(extents.cutoffs < cutoff):
        atom, end = batch.representative[center], extents.cutoffs[center] * (1.0 + RIM)
        own = batch.distance[batch.first_pair[atom] : batch.first_pair[atom + 1]]
        sizes[center] = 1 + np.searchsorted(own, end, "right")
    return Extents(sizes, extents.cutoffs)


def environments_of(batch: NeighborBatch, sizes: Integers, index: Integers) -> Environments:
    """Gather environments of one size.

    Parameters
    ----------
    batch
        Structures with neighbors.
    sizes : [n_inequivalent]
        Of `Extents`.
    index : [n_environments]
        Inequivalent atoms with equal sizes.
    """
    n, center = sizes[index[0]], batch.representative[index]
    pairs = batch.first_pair[center][:, None] + np.arange(n - 1)
    points = np.zeros((len(index), n, 3))
    points[:, 1:] = batch.vector[pairs]
    atoms = np.concatenate([center[:, None], batch.neighbor[pairs]], axis=1)
    return Environments(atoms, pairs, points)


def by_size(sizes: Integers, max_entries: int) -> Iterator[Integers]:
    """Yield indices of matrices of one size.

    Together the matrices have at most `max_entries` entries, unless it is one matrix.
    """
    for n in np.unique(sizes):
        equal = np.flatnonzero(sizes == n)
        step = max(1, max_entries // n**2)
        for start in range(0, len(equal), step):
            yield equal[start : start + step]
