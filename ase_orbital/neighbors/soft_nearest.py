r"""Which of an atom's neighbors count, and how much.

The nearest k are not defined in a crystal, where many neighbors share one distance. Here
every neighbor has an occupation between 0 and 1 instead, as states have around a Fermi
level: full well inside a level $\mu_i$, empty well outside, with $\sum_j f_{ij} = k$. It
is invariant and continuous, and equals the k nearest wherever those are defined with a
margin of `smoothing`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ase_orbital.numerics.jit import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ase_orbital.neighbors.pairs import Pairs

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

SETTLED = 1e-13  # of the smoothing; a level that moves by less is found


def levels(
    pairs: Pairs, centers: Integers, *, k: int, smoothing: float, radius: float
) -> Floats:
    r"""Level $\mu_i$ of each center, such that its neighbors' occupations add up to k.

    The level stays half a `smoothing` inside the radius, so a center with fewer than k
    neighbors keeps them all, and one that comes in over the rim counts from zero.

    Parameters
    ----------
    pairs
        Sorted by center and distance, complete up to `radius`.
    centers : [n_centers]
        Atoms whose level is wanted.
    k
        Neighbors to keep.
    smoothing
        Width $\delta$ of the transition. Å.
    radius
        Within which neighbors are counted. Å.

    Returns
    -------
    [n_centers]
        Å.
    """
    found = _levels(pairs.distance, pairs.first, centers, k, smoothing, radius)
    return np.asarray(found)


@compiled
def occupation(level: float, distance: float, smoothing: float) -> float:
    r"""Occupation of a neighbor at a distance, between 0 and 1.

    $f = s((\mu - d) / \delta + 1/2)$ with $s(x) = x^2 (3 - 2x)$ clipped to [0, 1].
    """
    x = (level - distance) / smoothing + 0.5
    if x <= 0.0:
        return 0.0
    if x >= 1.0:
        return 1.0
    return x * x * (3.0 - 2.0 * x)


def nearest(pairs: Pairs, *, k: int) -> Floats:
    """Return 1 for the first k pairs of each center, and 0 for the rest.

    What the published codes do. Which of several neighbors at one distance is kept
    depends on rounding and on the order of the atoms.
    """
    rank = np.arange(len(pairs.center)) - pairs.first[pairs.center]
    return (rank < k).astype(np.float64)


@compiled
def _levels(
    distance: Floats,
    first: Integers,
    centers: Integers,
    k: int,
    smoothing: float,
    radius: float,
) -> Floats:
    level = np.full(len(centers), radius - 0.5 * smoothing)
    for index, center in enumerate(centers):
        start, end, wanted = first[center], first[center + 1], k
        while end > start and distance[end - 1] > radius:
            end -= 1
        if end - start <= k:
            continue
        # The level lies within half a width of the k-th neighbor.
        low = distance[start + k - 1] - 0.5 * smoothing
        high = min(level[index], distance[start + k] + 0.5 * smoothing)
        # Of which those well inside count as one, and those well outside as nothing.
        while occupation(low, distance[start], smoothing) == 1.0:
            start, wanted = start + 1, wanted - 1
        own = distance[start:end]
        if high == level[index] and _filled(high, own, smoothing)[0] <= wanted:
            continue  # at its limit, exactly: `search.model_graph` asks for it
        at = 0.5 * (low + high)
        for _ in range(60):
            total, slope = _filled(at, own, smoothing)
            if total == wanted:
                break
            if total < wanted:
                low = at
            else:
                high = at
            # Newton's step where it stays between, else bisect.
            before, at = at, at + (wanted - total) / slope if slope > 0.0 else high
            if not low < at < high:
                at = 0.5 * (low + high)
            if abs(at - before) < SETTLED * smoothing:
                break
        level[index] = at
    return level


@compiled
def _filled(level: float, distance: Floats, smoothing: float) -> tuple[float, float]:
    """Sum of the occupations of neighbors sorted by distance, and its slope in 1/Å."""
    total = slope = 0.0
    for d in distance:
        x = min((level - d) / smoothing + 0.5, 1.0)
        if x <= 0.0:
            break
        total += occupation(level, d, smoothing)
        slope += 6.0 * x * (1.0 - x) / smoothing
    return total, slope
