"""Find the most similar fingerprints of one composition.

Distances of fingerprints are expensive, and distances of their projections on a few axes
are cheap lower bounds. All bounds are computed, and `difference` only where they allow a
match. With 10^5 fingerprints this takes milliseconds, and no search tree has to be kept.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from ase_orbital.similarity.distance import (
    ROUNDING,
    difference,
    least_difference,
    max_distance,
)
from ase_orbital.similarity.fingerprints import moments_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ase_orbital.similarity.fingerprints import Fingerprint

N_AXES = 12
N_FITTED = 512  # number of fingerprints that the axes are fitted to, at most


class Axes:
    """Principal axes of the moments of some fingerprints of one composition.

    The distance of two fingerprints is at least that of their moments (`moments_of`), which
    is at least that of their projections on orthonormal axes.
    """

    def __init__(self, fingerprints: list[Fingerprint]) -> None:
        self.width = max(fingerprint.width for fingerprint in fingerprints)
        moments = np.array([self._moments(fingerprint) for fingerprint in fingerprints])
        self.center = moments.mean(axis=0)
        directions = np.linalg.svd(moments - self.center, full_matrices=False).Vh
        self.directions = np.zeros((self.center.size, N_AXES))
        self.directions[:, : len(directions)] = directions[:N_AXES].T
        self.size = float(np.linalg.norm(self.center))

    def project(self, fingerprint: Fingerprint) -> NDArray[np.float64]:
        """Coordinates of a fingerprint of the same composition, [N_AXES]."""
        return np.asarray((self._moments(fingerprint) - self.center) @ self.directions)

    def _moments(self, fingerprint: Fingerprint) -> NDArray[np.float64]:
        """Moments cut or padded to the width of the axes, flat."""
        moments = moments_of(fingerprint)[:, :, : self.width]
        padded = np.zeros((*moments.shape[:2], self.width))
        padded[:, :, : moments.shape[2]] = moments
        return padded.ravel()


class FingerprintIndex:
    """Fingerprints of one composition, by number."""

    def __init__(self, fingerprints: dict[int, Fingerprint] | None = None) -> None:
        self.fingerprints = dict(fingerprints or {})
        self._axes: Axes  # fitted as soon as there are fingerprints
        self._n_fitted = 0
        self._numbers: list[int] = []  # by column
        self._columns: dict[int, int] = {}
        self._points = np.zeros((N_AXES, 0))  # columns beyond len(self) are free
        if self.fingerprints:
            self._fit()

    def __len__(self) -> int:
        return len(self.fingerprints)

    def put(self, number: int, fingerprint: Fingerprint) -> None:
        """Add a fingerprint under a new number."""
        self.fingerprints[number] = fingerprint
        if len(self) == 1 or len(self) >= 4 * self._n_fitted:
            self._fit()
            return
        if len(self) > self._points.shape[1]:
            self._points = np.pad(self._points, ((0, 0), (0, len(self))))
        self._columns[number] = column = len(self._numbers)
        self._numbers.append(number)
        self._points[:, column] = self._axes.project(fingerprint)

    def remove(self, number: int) -> None:
        """Remove a fingerprint; the last one takes its column."""
        del self.fingerprints[number]
        column, last = self._columns.pop(number), self._numbers.pop()
        if last != number:
            self._columns[last], self._numbers[column] = column, last
            self._points[:, column] = self._points[:, len(self._numbers)]

    def nearest(
        self, fingerprint: Fingerprint, n: int = 1, within: float = math.inf
    ) -> list[tuple[float, int]]:
        """Find the fingerprints that differ least.

        Parameters
        ----------
        fingerprint
            A fingerprint of the same composition.
        n
            Number of fingerprints to find, at most.
        within
            Largest difference.

        Returns
        -------
        list of (difference, number)
            In ascending order.
        """
        if not self.fingerprints:
            return []
        bounds = self._lower_bounds(fingerprint)
        # The smallest bounds first: their differences limit what else is worth a look.
        first = (
            bounds.argpartition(n - 1)[:n] if n < len(bounds) else np.arange(len(bounds))
        )
        found = {int(column): self._difference(fingerprint, column) for column in first}
        limit = min(within, max(found.values())) if len(found) == n else within
        near = np.flatnonzero(bounds <= max_distance(limit, fingerprint.length))
        close = [column for column, apart in found.items() if apart <= within]
        best = sorted((found[column], self._numbers[column]) for column in close)
        for column in near[bounds[near].argsort()].tolist():
            if len(best) == n and (
                least_difference(bounds[column], fingerprint.length) > best[-1][0]
            ):
                break
            if column not in found:
                apart = self._difference(fingerprint, column)
                if apart <= within:
                    best = sorted([*best, (apart, self._numbers[column])])[:n]
        return best

    def _difference(self, fingerprint: Fingerprint, column: int) -> float:
        return difference(fingerprint, self.fingerprints[self._numbers[column]])

    def _lower_bounds(self, fingerprint: Fingerprint) -> NDArray[np.float64]:
        """Lower bounds of the distances to all fingerprints, by column."""
        squares = np.zeros(len(self))
        point = self._axes.project(fingerprint)
        for coordinate, coordinates in zip(point, self._points, strict=True):
            squares += np.square(coordinates[: len(self)] - coordinate)
        distances = np.sqrt(squares)
        # Subtracting the center leaves rounding errors of its size in every point.
        errors = ROUNDING * (distances + fingerprint.length + self._axes.size)
        return np.asarray(np.maximum(distances - errors, 0.0))

    def _fit(self) -> None:
        """Fit the axes to the present fingerprints, and project all of them."""
        present = list(self.fingerprints.values())
        self._n_fitted = len(present)
        self._axes = Axes(present[:: -(-len(present) // N_FITTED)])
        self._numbers = list(self.fingerprints)
        self._columns = {number: column for column, number in enumerate(self._numbers)}
        self._points = np.array([self._axes.project(each) for each in present]).T.copy()
