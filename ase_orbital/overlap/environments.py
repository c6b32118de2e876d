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

SHELL = 1e-4  # Å; neighbors whose distances differ by less are one shell


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


def environment_sizes(batch: NeighborBatch, cutoff: float, max_atoms: int) -> Integers:
    """Count the atoms around each inequivalent atom, the center included.

    Parameters
    ----------
    batch
        Complete up to `cutoff`, in Å.
    max_atoms
        Largest size. Of larger environments the nearest atoms are kept, and of the
        outermost shell either all or none.

    Returns
    -------
    [n_inequivalent]
    """
    begin = batch.first_pair[batch.representative]
    end = batch.first_pair[batch.representative + 1]
    # The damping is zero at the cutoff: atoms that rounding puts there would only change
    # the number of eigenvalues.
    inside = np.concatenate([[0], np.cumsum(batch.distance < cutoff * (1.0 - 1e-9))])
    sizes = 1 + inside[end] - inside[begin]
    for center in np.flatnonzero(sizes > max_atoms):
        distance, kept = batch.distance[begin[center] : end[center]], max_atoms - 1
        while kept > 0 and distance[kept] - distance[kept - 1] < SHELL:
            kept -= 1
        atom = batch.representative[center]
        before = batch.first_atom[np.searchsorted(batch.first_atom, atom, "right") - 1]
        message = "atom %d has %d atoms within %g Å; the nearest %d are used"
        logger.info(message, atom - before, sizes[center], cutoff, kept + 1)
        sizes[center] = kept + 1
    return np.asarray(sizes)


def environments_of(batch: NeighborBatch, sizes: Integers, index: Integers) -> Environments:
    """Gather environments of one size.

    Parameters
    ----------
    batch
        Structures with neighbors.
    sizes : [n_inequivalent]
        From `environment_sizes`.
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
