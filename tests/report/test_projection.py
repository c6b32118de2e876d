"""The plane of largest variance, and the fingerprints that are projected to it."""

import numpy as np
from ase.build import bulk

from ase_orbital import OFM
from ase_orbital.report.projection import orbital_fingerprints, principal_plane


def test_the_plane_is_that_of_the_largest_variance():
    random = np.random.default_rng(0)
    plane = random.normal(size=(50, 2)) * [3.0, 1.0]
    rotation, _ = np.linalg.qr(random.normal(size=(6, 6)))
    features = np.pad(plane, ((0, 0), (0, 4))) @ rotation + 7.0
    features[4] = np.nan
    coordinates, shares = principal_plane(features)
    assert np.isnan(coordinates[4]).all()
    known = np.delete(np.arange(50), 4)
    centered = plane[known] - plane[known].mean(axis=0)
    gram = coordinates[known] @ coordinates[known].T
    np.testing.assert_allclose(gram, centered @ centered.T, atol=1e-9)
    assert np.isclose(shares.sum(), 1.0)
    assert shares[0] > shares[1]


def test_two_structures_have_no_plane():
    coordinates, _ = principal_plane(np.eye(2, 5))
    assert np.isnan(coordinates).all()


def test_equal_features_are_one_point():
    coordinates, shares = principal_plane(np.ones((4, 5)))
    np.testing.assert_allclose(coordinates, 0.0)
    assert shares.tolist() == [0.0, 0.0]


def test_fingerprints_are_means_over_the_atoms():
    salt = bulk("NaCl", "rocksalt", a=5.64)
    found = orbital_fingerprints([salt, None])
    np.testing.assert_allclose(found[0], OFM().create(salt).mean(axis=0))
    assert np.isnan(found[1]).all()
