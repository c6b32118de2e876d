"""Fingerprints of one composition, the near ones of which are found without asking all."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import cKDTree

from ase_orbital.similarity.distance import difference, least_difference, reach
from ase_orbital.similarity.fingerprints import moments_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from ase_orbital.similarity.fingerprints import Fingerprint

N_AXES = 12
N_FITTED = 512  # fingerprints the axes are fitted to, at most
FEW = 256  # points outside the tree that are not worth a new one
ROUNDING = 1e-9  # of lower bounds


class Axes:
    """Directions in which the moments of some fingerprints vary most.

    Moments (`moments_of`) are at most as far apart as their fingerprints; their projections
    on orthonormal axes, or with features left out, are at most as far apart as they: so the
    distance of two points of few coordinates is a lower bound of `distance`.
    """

    def __init__(self, fingerprints: list[Fingerprint]) -> None:
        self.width = max(fingerprint.width for fingerprint in fingerprints)
        flat = np.array([self._flat(fingerprint) for fingerprint in fingerprints])
        self.center = flat.mean(axis=0)
        directions = np.linalg.svd(flat - self.center, full_matrices=False).Vh
        self.directions = directions[:N_AXES].T

    def point(self, fingerprint: Fingerprint) -> NDArray[np.float64]:
        """Coordinates of a fingerprint of the same composition, at most [N_AXES]."""
        return np.asarray((self._flat(fingerprint) - self.center) @ self.directions)

    def _flat(self, fingerprint: Fingerprint) -> NDArray[np.float64]:
        moments = moments_of(fingerprint)[:, :, : self.width]
        flat = np.zeros((*moments.shape[:2], self.width))
        flat[:, :, : moments.shape[2]] = moments
        return flat.ravel()


class FingerprintIndex:
    """Fingerprints of one composition, by number.

    Most have a point in a k-d tree; points made since it was built are looked at one by
    one.

    Parameters
    ----------
    fingerprints
        What is there from the beginning.
    """

    def __init__(self, fingerprints: dict[int, Fingerprint] | None = None) -> None:
        self.fingerprints = dict(fingerprints or {})
        self._axes: Axes  # set as soon as there is anything to fit them to
        self._n_fitted = 0
        self._points = np.zeros((0, 0))
        self._numbers = np.zeros(0, np.int64)  # of the points
        self._n_points = 0  # the arrays have room for more
        self._tree: cKDTree
        if self.fingerprints:
            self._fit()

    def __len__(self) -> int:
        return len(self.fingerprints)

    def put(self, number: int, fingerprint: Fingerprint) -> None:
        """Add a fingerprint under a number that was never taken."""
        self.fingerprints[number] = fingerprint
        if len(self) == 1 or len(self) >= 4 * self._n_fitted:
            self._fit()
            return
        if self._n_points == len(self._points):
            self._points = np.pad(self._points, ((0, self._n_points), (0, 0)))
            self._numbers = np.pad(self._numbers, (0, self._n_points))
        self._points[self._n_points] = self._axes.point(fingerprint)
        self._numbers[self._n_points] = number
        self._n_points += 1
        if self._n_points - self._tree.n > max(FEW, self._tree.n // 8):
            self._plant()

    def remove(self, number: int) -> None:
        """Take a fingerprint away; its point goes when the next tree is built."""
        del self.fingerprints[number]

    def nearest(
        self, fingerprint: Fingerprint, n: int = 1, within: float = math.inf
    ) -> list[tuple[float, int]]:
        """Find the least different ones.

        Parameters
        ----------
        fingerprint
            Of this shelf's composition.
        n
            How many, at most.
        within
            Largest difference.

        Returns
        -------
        list of (difference, number)
            Least first.
        """
        best: list[tuple[float, int]] = []
        radius = reach(within, fingerprint.length) + ROUNDING
        for bound, number in self._outwards(fingerprint, n, radius):
            full = len(best) >= n
            least = least_difference(bound, fingerprint.length)
            if full and least > best[n - 1][0] + ROUNDING:
                break
            found = difference(fingerprint, self.fingerprints[number])
            if found <= within:
                best = sorted([*best, (found, number)])[:n]
        return best

    def _outwards(
        self, fingerprint: Fingerprint, n: int, radius: float
    ) -> Iterator[tuple[float, int]]:
        """Lower bounds of the distances of all up to a radius, and numbers; least first."""
        if not self.fingerprints:
            return
        point = self._axes.point(fingerprint)
        seen: set[int] = set()
        n_asked = 4 * n + 12
        while True:
            bounds, rows = self._first(point, n_asked, radius)
            for bound, row in zip(bounds.tolist(), rows.tolist(), strict=True):
                number = int(self._numbers[row])
                if row not in seen and number in self.fingerprints:
                    yield bound, number
            if len(rows) < n_asked:
                return
            seen |= set(rows.tolist())
            n_asked *= 4

    def _first(
        self, point: NDArray[np.float64], n: int, radius: float
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Bounds and rows of the n nearest points up to a radius, nearest first."""
        k = np.arange(1, min(n, self._tree.n) + 1)
        in_tree, rows = self._tree.query(point, k, distance_upper_bound=radius)
        found = np.isfinite(in_tree)
        since = np.arange(self._tree.n, self._n_points)
        bounds = np.linalg.norm(self._points[since] - point, axis=1)
        near = bounds <= radius
        bounds = np.concatenate([in_tree[found], bounds[near]])
        rows = np.concatenate([rows[found], since[near]])
        order = bounds.argsort(kind="stable")[:n]
        return bounds[order], rows[order]

    def _fit(self) -> None:
        """Choose axes anew, and make all points."""
        present = list(self.fingerprints.values())
        step = -(-len(present) // N_FITTED)
        self._axes = Axes(present[::step])
        self._n_fitted = len(present)
        self._points = np.array([self._axes.point(fingerprint) for fingerprint in present])
        self._numbers = np.array(list(self.fingerprints), np.int64)
        self._n_points = len(present)
        self._plant()

    def _plant(self) -> None:
        """Build the tree of all points whose fingerprints are still there."""
        numbers = self._numbers[: self._n_points]
        present = np.array([number in self.fingerprints for number in numbers.tolist()])
        self._points = self._points[: self._n_points][present]
        self._numbers = numbers[present]
        self._n_points = len(self._points)
        self._tree = cKDTree(self._points)
