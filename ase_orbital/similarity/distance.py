"""How far two structures are apart, whatever their cells and the order of their atoms.

Source: Zhu et al., J. Chem. Phys. 144, 034203 (2016), doi:10.1063/1.4940026: the root mean
square, over the atoms, of the distance between fingerprints of atoms that the best
assignment within each species brings together. For cells of different size it is taken
over the least common multiple of both, as the Wasserstein distance of the two sets of rows.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import linear_sum_assignment, linprog
from scipy.sparse import csr_array, eye_array, kron, vstack
from scipy.spatial.distance import cdist

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ase_orbital.similarity.fingerprints import Fingerprint, Rows

# Atoms of a species in the least common multiple of two cells; where there are more, and
# more than in either cell, a linear program over the distinct rows is faster.
LARGEST_ASSIGNMENT = 512


def difference(one: Fingerprint, other: Fingerprint) -> float:
    """Distance as a fraction of the fingerprints' length: 0.01 is one percent.

    Returns
    -------
    float
        0 for one crystal in any two cells, at most 2; infinite for two compositions.
    """
    return relative(distance(one, other), one.length, other.length)


def relative(apart: float, length: float, other_length: float) -> float:
    """A distance as a fraction of the mean of two lengths."""
    return apart and 2.0 * apart / (length + other_length)


def reach(fraction: float, length: float) -> float:
    """Distance beyond which nothing differs by a fraction, or less, from this length.

    The length is the distance from rows of zeros, so the other one's is at most
    `length + distance`.
    """
    return math.inf if fraction >= 2.0 else 2.0 * fraction * length / (2.0 - fraction)


def least_difference(apart: float, length: float) -> float:
    """Smallest fraction that something this far apart can differ by: `reach`, inverted."""
    return apart and 2.0 * apart / (2.0 * length + apart)


def distance(one: Fingerprint, other: Fingerprint) -> float:
    """Root mean square over atoms, in the best assignment within each species.

    Parameters
    ----------
    one, other
        Of one descriptor.

    Returns
    -------
    float
        In the unit of the rows; infinite for two compositions. It is a metric: symmetric,
        and never longer than by way of a third structure.
    """
    if one.composition != other.composition:
        return math.inf
    squares = map(mean_square, one.species, other.species)
    total = sum(share * square for share, square in zip(one.shares, squares, strict=True))
    return math.sqrt(total)


def lower_bound(one: Fingerprint, other: Fingerprint) -> float:
    """At most `distance`, and a hundred times cheaper; see `moments_of`."""
    if one.composition != other.composition:
        return math.inf
    first, second = one.moments, other.moments
    width = min(first.shape[2], second.shape[2])
    square = np.square(first[:, :, :width] - second[:, :, :width]).sum()
    # The shorter one's rows are zero beyond.
    square += np.square(first[:, :, width:]).sum() + np.square(second[:, :, width:]).sum()
    return math.sqrt(square)


def mean_square(one: Rows, other: Rows) -> float:
    """Mean squared distance of rows in the best assignment.

    Copies count as shares: either side is repeated to the least common multiple.
    """
    width = max(one.values.shape[1], other.values.shape[1])
    costs = cdist(padded(one, width), padded(other, width), "sqeuclidean")
    return float((coupling(costs, one.copies, other.copies) * costs).sum())


def coupling(
    costs: NDArray[np.float64], copies: NDArray[np.int64], others: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Shares of the best assignment, in which either side has as many copies in all.

    Parameters
    ----------
    costs : [n, m]
    copies : [n]
        Of each on one side.
    others : [m]
        Of each on the other.

    Returns
    -------
    [n, m]
        What fraction of all goes from each to each; their sum is 1.
    """
    n_one, n_other = int(copies.sum()), int(others.sum())
    if min(costs.shape) == 1:  # there is but one way
        return np.outer(copies, others) / (n_one * n_other)
    n_both = math.lcm(n_one, n_other)
    if n_both > max(LARGEST_ASSIGNMENT, n_one, n_other):
        return transported(costs, copies / n_one, others / n_other)
    left = np.repeat(np.arange(len(costs)), copies * (n_both // n_one))
    right = np.repeat(np.arange(costs.shape[1]), others * (n_both // n_other))
    rows, columns = linear_sum_assignment(costs[np.ix_(left, right)])
    shares = np.zeros(costs.shape)
    np.add.at(shares, (left[rows], right[columns]), 1.0 / n_both)
    return shares


def padded(rows: Rows, width: int) -> NDArray[np.float64]:
    """Rows with zeros behind, [n_distinct, width]."""
    out = np.zeros((len(rows.values), width))
    out[:, : rows.values.shape[1]] = rows.values
    return out


def transported(
    costs: NDArray[np.float64], shares: NDArray[np.float64], others: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Cheapest way of carrying shares from one side to the other.

    Parameters
    ----------
    costs : [n, m]
    shares : [n]
        What is to be carried from each; their sum is 1.
    others : [m]
        What is to arrive at each; likewise.

    Returns
    -------
    [n, m]
        What is carried from each to each.
    """
    n, m = costs.shape
    leaving = kron(eye_array(n), np.ones((1, m)))
    arriving = kron(np.ones((1, n)), eye_array(m))
    # The last condition follows from the others.
    conditions = csr_array(vstack([leaving, arriving]))[:-1]
    amounts = np.concatenate([shares, others])[:-1]
    scale = float(costs.max()) or 1.0  # the solver's tolerances are absolute
    solved = linprog(costs.ravel() / scale, A_eq=conditions, b_eq=amounts, method="highs")
    assert solved.x is not None  # carrying each share everywhere is always possible
    return np.asarray(np.maximum(solved.x, 0.0).reshape(n, m))
