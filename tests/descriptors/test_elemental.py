"""Elemental features against the JARVIS table."""

import numpy as np
import pytest
from ase import Atoms
from numpy.testing import assert_allclose

from ase_orbital import ElementalFeatures
from ase_orbital.elements import jarvis_features
from ase_orbital.errors import ElementError


@pytest.mark.parametrize(("key", "sodium", "chlorine"), [("Z", 11, 17), ("X", 0.93, 3.16)])
def test_features_return_to_the_units_of_their_source(rocksalt, key, sodium, chlorine):
    table = jarvis_features()
    column = table.keys.index(key)
    features = ElementalFeatures().create(rocksalt)
    assert features.shape == (2, 438)
    found = features[:, column] * table.scale[column] + table.mean[column]
    assert_allclose(found, [sodium, chlorine], rtol=1e-12)


def test_feature_without_a_value_is_zero_and_reported_as_missing():
    atoms = Atoms("EuO", [[0, 0, 0], [0, 0, 2.3]])
    missing = ElementalFeatures().missing(atoms)
    features = ElementalFeatures().create(atoms)
    assert missing.shape == features.shape
    assert missing[0].sum() >= 434  # all but Z, mass and electronegativity
    assert not missing[1].any()
    assert not features[missing].any()
    assert np.isfinite(features).all()
    assert np.abs(features).max() < 10.0  # standardized: nothing of -9999


def test_caller_cannot_change_the_table_through_the_features(rocksalt):
    features = ElementalFeatures().create(rocksalt)
    features += 1.0
    assert not np.array_equal(ElementalFeatures().create(rocksalt), features)


def test_element_outside_the_table_is_named():
    atoms = Atoms("ORf", [[0, 0, 0], [0, 0, 2]])
    with pytest.raises(
        ElementError, match=r"atom 1 \(Rf, Z=104\) has no row in the JARVIS"
    ):
        ElementalFeatures().create(atoms)
