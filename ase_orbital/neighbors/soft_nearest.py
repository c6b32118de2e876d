r"""Soft nearest neighbors: k neighbors of each atom, continuous and invariant.

In a crystal the k nearest neighbors are not unique, because many neighbors share one
distance. Here each neighbor has a weight between 0 and 1 instead, like the occupation of
states around a Fermi level: 1 well inside a soft cutoff $\mu_i$, 0 well outside, with
$\sum_j f_{ij} = k$. Where the k nearest are separated from the others by more than
`smoothing`, these are the k nearest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ase_orbital.numerics.jit import compiled, inner

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ase_orbital.neighbors.batch import NeighborBatch

    Floats = NDArray[np.float64]

CONVERGED = 1e-13  # of the smoothing: largest change of a soft cutoff in the last step


def soft_cutoffs(
    batch: NeighborBatch, *, k: int, smoothing: float, cutoff: float
) -> Floats:
    """Compute the soft cutoff of all atoms; see `soft_cutoff`.

    Parameters
    ----------
    batch
        Complete up to `cutoff`, in Å.
    k
        Number of neighbors.
    smoothing
        Width of the transition. Å.

    Returns
    -------
    [n_atoms]
        Å.
    """
    return np.array(
        [
            soft_cutoff(batch.distance, begin, end, k, smoothing, cutoff)
            for begin, end in zip(batch.first_pair[:-1], batch.first_pair[1:], strict=True)
        ]
    )


@compiled
def soft_cutoff(
    distance: Floats, begin: int, end: int, k: int, smoothing: float, cutoff: float
) -> float:
    r"""Compute the soft cutoff at which the weights of neighbors add up to k.

    It stays half a `smoothing` below the cutoff: a center with fewer than k neighbors keeps
    all of them, and a neighbor that enters through the cutoff starts with weight 0.

    Parameters
    ----------
    distance : [n_pairs]
        Ascending from `begin` to `end`, where the center's pairs are. Å.
    k
        Number of neighbors.
    smoothing
        Width $\delta$ of the transition. Å.
    cutoff
        Neighbors beyond this distance do not count. Å.

    Returns
    -------
    float
        $\mu$ in Å.
    """
    limit = cutoff - 0.5 * smoothing
    while end > begin and distance[end - 1] > cutoff:
        end -= 1
    if end - begin <= k:
        return limit
    # The soft cutoff lies within half a width of the k-th neighbor.
    low = distance[begin + k - 1] - 0.5 * smoothing
    high = min(limit, distance[begin + k] + 0.5 * smoothing)
    # Neighbors well inside count as one, and those well outside as zero.
    wanted = k
    while neighbor_weight(low, distance[begin], smoothing) == 1.0:
        begin, wanted = begin + 1, wanted - 1
    own = distance[begin:end]
    if high == limit and _total_weight(high, own, smoothing)[0] <= wanted:
        return limit  # exactly: `calculators.model_graph` tests for it
    at = 0.5 * (low + high)
    for _ in range(60):
        total, slope = _total_weight(at, own, smoothing)
        if total == wanted:
            break
        if total < wanted:
            low = at
        else:
            high = at
        # A Newton step where it stays inside the bracket, otherwise bisection.
        before, at = at, at + (wanted - total) / slope if slope > 0.0 else high
        if not low < at < high:
            at = 0.5 * (low + high)
        if abs(at - before) < CONVERGED * smoothing:
            break
    return float(at)


@inner
def neighbor_weight(soft_cutoff: float, distance: float, smoothing: float) -> float:
    r"""Weight of a neighbor at a distance, between 0 and 1.

    $f = s((\mu - d) / \delta + 1/2)$ with $s(x) = x^2 (3 - 2x)$ clipped to [0, 1].
    """
    x = (soft_cutoff - distance) / smoothing + 0.5
    if x <= 0.0:
        return 0.0
    if x >= 1.0:
        return 1.0
    return x * x * (3.0 - 2.0 * x)


def nearest(batch: NeighborBatch, *, k: int) -> Floats:
    """Return 1 for the first k pairs of each center, and 0 for the rest, [n_pairs].

    The published codes do this. Which of several neighbors at one distance is kept depends
    on rounding and on the order of the atoms.
    """
    rank = np.arange(len(batch.center)) - batch.first_pair[batch.center]
    return (rank < k).astype(np.float64)


@inner
def _total_weight(
    soft_cutoff: float, distance: Floats, smoothing: float
) -> tuple[float, float]:
    """Sum of the weights of neighbors sorted by distance, and its slope in 1/Å."""
    total = slope = 0.0
    for d in distance:
        x = min((soft_cutoff - d) / smoothing + 0.5, 1.0)
        if x <= 0.0:
            break
        total += neighbor_weight(soft_cutoff, d, smoothing)
        slope += 6.0 * x * (1.0 - x) / smoothing
    return total, slope
