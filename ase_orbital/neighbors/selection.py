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

from ase_orbital.neighbors.compiled import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ase_orbital.neighbors.pairs import Pairs


def occupations(
    pairs: Pairs, *, k: int, smoothing: float, radius: float
) -> NDArray[np.float64]:
    r"""Occupation of each pair, with k neighbors in all for every center.

    $f_{ij} = s((\mu_i - d_{ij}) / \delta + 1/2)$ with $s(x) = x^2 (3 - 2x)$ clipped to
    [0, 1], and $\mu_i$ such that $\sum_j f_{ij} = k$. The level stays half a `smoothing`
    inside the radius, so a center with fewer than k neighbors keeps them all, and one that
    comes in over the rim counts from zero.

    Parameters
    ----------
    pairs
        Sorted by center and distance, complete up to `radius`.
    k
        Neighbors to keep.
    smoothing
        Width $\delta$ of the transition. Å.
    radius
        Of the pair search. Å.

    Returns
    -------
    [n_pairs]
        Between 0 and 1.
    """
    return np.asarray(_occupations(pairs.distance, pairs.first, k, smoothing, radius))


def nearest(pairs: Pairs, *, k: int) -> NDArray[np.float64]:
    """Return 1 for the first k pairs of each center, and 0 for the rest.

    What the published codes do. Which of several neighbors at one distance is kept
    depends on rounding and on the order of the atoms.
    """
    rank = np.arange(len(pairs.center)) - pairs.first[pairs.center]
    return (rank < k).astype(np.float64)


@compiled
def _smoothstep(x: float) -> float:
    if x <= 0.0:
        return 0.0
    if x >= 1.0:
        return 1.0
    return x * x * (3.0 - 2.0 * x)


@compiled
def _occupations(
    distance: NDArray[np.float64],
    first: NDArray[np.int64],
    k: int,
    smoothing: float,
    radius: float,
) -> NDArray[np.float64]:
    occupation = np.zeros_like(distance)
    for center in range(len(first) - 1):
        start, end = first[center], first[center + 1]
        low, high = 0.0, radius - 0.5 * smoothing
        if end - start > k:
            # The level lies within half a width of the k-th neighbor.
            low = distance[start + k - 1] - 0.5 * smoothing
            high = min(high, distance[start + k] + 0.5 * smoothing)
            for _ in range(60):  # halvings, to the last bit
                level = 0.5 * (low + high)
                total = 0.0
                for pair in range(start, end):
                    f = _smoothstep((level - distance[pair]) / smoothing + 0.5)
                    if f == 0.0:
                        break
                    total += f
                if total < k:
                    low = level
                else:
                    high = level
        for pair in range(start, end):
            f = _smoothstep((high - distance[pair]) / smoothing + 0.5)
            if f == 0.0:
                break
            occupation[pair] = f
    return occupation
