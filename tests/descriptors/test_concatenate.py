"""Concatenated features against those of the parts."""

import numpy as np
import pytest
from ase.build import bulk, molecule
from numpy.testing import assert_allclose, assert_array_equal

from ase_orbital import GOM, OFM, Concatenate, ElementalFeatures, OneHot
from ase_orbital.errors import SettingError

EOSNET = Concatenate(OneHot(), GOM(n_eigenvalues=66, normalize=True))


def test_features_follow_in_the_order_of_the_parts(rocksalt):
    features = EOSNET.create(rocksalt)
    assert features.shape == (2, 179)
    assert_array_equal(features[:, :113], OneHot().create(rocksalt))
    assert_allclose(features[:, 113:], EOSNET.parts[1].create(rocksalt))


@pytest.mark.parametrize(
    ("descriptor", "n_features"),
    [(EOSNET, 179), (Concatenate(OFM(), ElementalFeatures()), 1494)],
)
def test_numbers_of_features_are_those_of_the_papers(descriptor, n_features):
    assert descriptor.n_features == n_features


def test_parts_keep_their_own_length_in_each_structure(rocksalt):
    """Padding in a batch must not show, neither at the end nor in the middle."""
    parts = GOM(cutoff=5.0), OneHot(size=20), GOM(cutoff=4.0, orbitals="sp")
    descriptor = Concatenate(*parts)
    structures = [rocksalt, bulk("C"), molecule("CH4")]
    assert descriptor.n_features is None
    for atoms, found in zip(structures, descriptor.create_many(structures), strict=True):
        alone = np.concatenate([part.create(atoms) for part in parts], axis=1)
        assert found.shape == alone.shape
        assert_allclose(found, alone, atol=1e-12)


def test_nested_parts_keep_their_own_length(rocksalt):
    nested = Concatenate(Concatenate(GOM(cutoff=4.0), OneHot()), GOM(cutoff=3.0))
    flat = Concatenate(GOM(cutoff=4.0), OneHot(), GOM(cutoff=3.0))
    structures = [rocksalt, bulk("C")]
    for one, other in zip(
        nested.create_many(structures), flat.create_many(structures), strict=True
    ):
        assert_array_equal(one, other)


def test_it_has_derivatives_if_all_parts_have(rocksalt):
    assert EOSNET.differentiable
    assert not Concatenate(OneHot(), OFM()).differentiable
    gom = GOM(cutoff=4.0, n_eigenvalues=8)
    found = Concatenate(OneHot(size=20), gom).derivatives(rocksalt)
    assert not found[:, :20].any()
    assert_allclose(found[:, 20:], gom.derivatives(rocksalt), atol=1e-12)


def test_nothing_to_concatenate_is_refused():
    with pytest.raises(SettingError, match="give them one by one"):
        Concatenate([OneHot(), GOM()])
    with pytest.raises(ValueError, match="at least one descriptor"):
        Concatenate()


def test_parts_of_one_kind_have_different_names():
    twice = Concatenate(GOM(cutoff=4.0, n_eigenvalues=2), GOM(cutoff=6.0, n_eigenvalues=2))
    assert twice.feature_names() == [
        "eigenvalue 1 (1)", "eigenvalue 2 (1)", "eigenvalue 1 (2)", "eigenvalue 2 (2)",
    ]  # fmt: skip
    assert len(set(twice.feature_names("mean", ["O", "Ti"]))) == 8
