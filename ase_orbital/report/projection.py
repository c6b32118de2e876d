"""Fingerprints of structures, projected to a plane."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.linalg import eigh

from ase_orbital.descriptors.ofm import OFM
from ase_orbital.errors import OrbitalError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms
    from numpy.typing import NDArray

    Values = NDArray[np.floating[Any]]


def orbital_fingerprints(structures: Sequence[Atoms | None]) -> Values:
    """Return the mean orbital field matrix of the atoms, [n_structures, n_features].

    Rows are nan for structures that are None or have no such matrix.
    """
    descriptor = OFM()
    features = np.full((len(structures), descriptor.n_features), np.nan)
    for row, atoms in zip(features, structures, strict=True):
        if atoms is not None:
            try:
                row[:] = descriptor.create(atoms).mean(axis=0)
            except OrbitalError:  # such as an element without tables
                continue
    return features


def principal_plane(features: Values) -> tuple[Values, Values]:
    """Project features to the plane of their largest variance.

    Parameters
    ----------
    features : [n, n_features]
        Rows with nan are left out.

    Returns
    -------
    coordinates : [n, 2]
        Nan for rows that are left out.
    shares : [2]
        Share of the variance along each direction. Its sign is such that the largest
        component of the direction is positive.
    """
    coordinates = np.full((len(features), 2), np.nan)
    known = np.isfinite(features).all(axis=1)
    if known.sum() < 3 or features.shape[1] < 2:
        return coordinates, np.zeros(2)
    centered = features[known] - features[known].mean(axis=0)
    covariance = centered.T @ centered / len(centered)
    last = len(covariance) - 1
    variances, directions = eigh(covariance, subset_by_index=[last - 1, last])
    variances, directions = variances[::-1], directions[:, ::-1]
    largest = np.abs(directions).argmax(axis=0)
    directions = directions * np.sign(directions[largest, [0, 1]])
    coordinates[known] = centered @ directions
    total = np.trace(covariance)
    return coordinates, variances / total if total > 0.0 else np.zeros(2)
