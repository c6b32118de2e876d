"""Distance of two structures, independent of their cells and of the order of their atoms.

The distance is the root mean square, over the atoms, of the distance between the
fingerprints of atoms that are matched by the best assignment within each species (Zhu et
al., J. Chem. Phys. 144, 034203 (2016), doi:10.1063/1.4940026). Cells of different size are
repeated to their least common multiple, which makes this the Wasserstein distance of the
two sets of fingerprints.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import linear_sum_assignment, linprog
from scipy.sparse import csr_array, eye_array, kron, vstack
from scipy.spatial.distance import cdist

from ase_orbital.errors import SettingError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ase_orbital.similarity.fingerprints import Fingerprint, SpeciesFeatures

# Largest number of atoms of a species in the least common multiple of two cells for which
# the assignment is used. Beyond it, and unless one cell is as large as this multiple, a
# linear program over the distinct features is faster.
LARGEST_ASSIGNMENT = 512

# Largest rounding error of lower bounds, relative to the lengths that they are computed
# from, and of differences. Bounds allow for it, so that none is above the distance.
ROUNDING = 1e-12


def checked_tolerance(tolerance: float) -> float:
    """Return the tolerance, or raise SettingError if it is not between 0 and 2."""
    if not 0.0 < tolerance < 2.0:
        raise SettingError(
            f"tolerance must be a fraction above 0 and below 2, not {tolerance}; "
            "0.01 is one percent of the fingerprints' length"
        )
    return tolerance


def difference(one: Fingerprint, other: Fingerprint) -> float:
    """Distance as a fraction of the mean length of the fingerprints: 0.01 is one percent.

    Returns
    -------
    float
        0 for two cells of one crystal, at most 2, and infinite for two compositions.
    """
    apart = distance(one, other)
    return apart and 2.0 * apart / (one.length + other.length)


def max_distance(difference: float, length: float) -> float:
    """Largest distance from a fingerprint of this length at this difference.

    The length of a fingerprint is its distance from zero, so by the triangle inequality the
    length of the other one is at most `length + distance`. It is infinite where the
    difference is 2, up to rounding: one of both may be zero then.
    """
    gap = 2.0 - difference - ROUNDING
    return 2.0 * difference * length / gap if gap > 0.0 else math.inf


def least_difference(distance: float, length: float) -> float:
    """Smallest difference at this distance; the inverse of `max_distance`."""
    return distance and 2.0 * distance / (2.0 * length + distance)


def distance(one: Fingerprint, other: Fingerprint) -> float:
    """Root mean square distance over the atoms in the best assignment.

    Parameters
    ----------
    one, other
        Fingerprints from the same descriptor.

    Returns
    -------
    float
        In the unit of the features; infinite for two compositions. It is a metric: it is
        symmetric and obeys the triangle inequality.
    """
    if one.composition != other.composition:
        return math.inf
    squares = map(mean_square, one.species, other.species)
    total = sum(share * square for share, square in zip(one.shares, squares, strict=True))
    return math.sqrt(total)


def lower_bound(one: Fingerprint, other: Fingerprint) -> float:
    """Lower bound of `distance` that is a hundred times cheaper; see `moments_of`."""
    if one.composition != other.composition:
        return math.inf
    first, second = one.moments, other.moments
    width = min(first.shape[2], second.shape[2])
    square = np.square(first[:, :, :width] - second[:, :, :width]).sum()
    # The features of the shorter one are zero beyond its width.
    square += np.square(first[:, :, width:]).sum() + np.square(second[:, :, width:]).sum()
    return max(0.0, math.sqrt(square) - ROUNDING * (one.length + other.length))


def mean_square(one: SpeciesFeatures, other: SpeciesFeatures) -> float:
    """Mean squared distance of the features of one species in the best assignment."""
    width = max(one.values.shape[1], other.values.shape[1])
    costs = cdist(padded(one, width), padded(other, width), "sqeuclidean")
    return float((coupling(costs, one.copies, other.copies) * costs).sum())


def coupling(
    costs: NDArray[np.float64], copies: NDArray[np.int64], others: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Best assignment of two sets, repeated to the least common multiple of their sizes.

    Parameters
    ----------
    costs : [n, m]
        Cost of each pair.
    copies : [n]
        Number of copies of each element of the first set.
    others : [m]
        Number of copies of each element of the second set.

    Returns
    -------
    [n, m]
        Share of the assigned pairs that each pair has; the sum is 1.
    """
    n_one, n_other = int(copies.sum()), int(others.sum())
    if min(costs.shape) == 1:  # only one assignment is possible
        return np.outer(copies, others) / (n_one * n_other)
    n_both = math.lcm(n_one, n_other)
    if n_both > max(LARGEST_ASSIGNMENT, n_one, n_other):
        return optimal_transport(costs, copies / n_one, others / n_other)
    left = np.repeat(np.arange(len(costs)), copies * (n_both // n_one))
    right = np.repeat(np.arange(costs.shape[1]), others * (n_both // n_other))
    rows, columns = linear_sum_assignment(costs[np.ix_(left, right)])
    shares = np.zeros(costs.shape)
    np.add.at(shares, (left[rows], right[columns]), 1.0 / n_both)
    return shares


def padded(features: SpeciesFeatures, width: int) -> NDArray[np.float64]:
    """Features in double precision with zeros appended, [n_distinct, width]."""
    out = np.zeros((len(features.values), width))
    out[:, : features.values.shape[1]] = features.values
    return out


def optimal_transport(
    costs: NDArray[np.float64], shares: NDArray[np.float64], others: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Cheapest transport plan between two distributions, from a linear program.

    Parameters and result are those of `coupling`, with shares that add up to 1 in place of
    the numbers of copies.
    """
    n, m = costs.shape
    leaving = kron(eye_array(n), np.ones((1, m)))
    arriving = kron(np.ones((1, n)), eye_array(m))
    # The last condition follows from the others.
    conditions = csr_array(vstack([leaving, arriving]))[:-1]
    amounts = np.concatenate([shares, others])[:-1]
    scale = float(costs.max()) or 1.0  # the solver's tolerances are absolute
    solved = linprog(costs.ravel() / scale, A_eq=conditions, b_eq=amounts, method="highs")
    assert solved.x is not None  # the outer product of the distributions is feasible
    return np.asarray(np.maximum(solved.x, 0.0).reshape(n, m))
