"""One-hot vectors against atomic numbers."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from ase_orbital import OneHot
from ase_orbital.errors import ElementError


def test_one_stands_at_the_atomic_number(rocksalt):
    features = OneHot().create(rocksalt)
    assert features.shape == (2, 113)
    assert_array_equal(np.argwhere(features), [[0, 11], [1, 17]])
    assert_array_equal(features.sum(axis=1), 1.0)


def test_last_place_can_be_used(rocksalt):
    assert OneHot(size=18).create(rocksalt)[1, 17] == 1.0


def test_element_without_a_place_is_named(rocksalt):
    with pytest.raises(ElementError, match=r"atom 1 \(Cl, Z=17\).*one-hot row of 17"):
        OneHot(size=17).create(rocksalt)


def test_element_is_named_by_its_place_in_its_own_structure(rocksalt):
    with pytest.raises(ElementError, match=r"atom 1 \(Cl, Z=17\)"):
        OneHot(size=17).create_many([rocksalt[:1], rocksalt])


@pytest.mark.parametrize("size", [0, -47, 10**9, 4.0])
def test_size_without_places_is_refused(size):
    with pytest.raises(ValueError, match="size must be"):
        OneHot(size=size)
