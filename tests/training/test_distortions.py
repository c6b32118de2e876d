"""Distorted copies of crystals."""

import numpy as np
import pytest
from ase.build import bulk

from ase_orbital.training.distortions import (
    rattled,
    scaled,
    shifted_sublattices,
    strained,
)


@pytest.fixture
def crystal():
    return bulk("NaCl", "rocksalt", a=5.64, cubic=True)


@pytest.fixture
def random():
    return np.random.default_rng(1)


@pytest.mark.parametrize("change", [-0.06, 0.1])
def test_volume_changes_by_the_fraction(crystal, change):
    copy = scaled(crystal, change)
    assert copy.get_volume() == pytest.approx((1.0 + change) * crystal.get_volume())
    positions = crystal.get_scaled_positions()
    np.testing.assert_allclose(copy.get_scaled_positions(), positions, atol=1e-12)


def test_strain_is_symmetric_with_the_given_deviation(crystal, random):
    strains = []
    for _ in range(500):
        copy = strained(crystal, 0.02, random)
        strain = np.linalg.solve(crystal.cell.array, copy.cell.array) - np.eye(3)
        np.testing.assert_allclose(strain, strain.T, atol=1e-12)
        strains.append(strain[np.triu_indices(3)])
    # The standard error of the deviation of 3,000 normal numbers is 1/sqrt(6000).
    assert np.std(strains) == pytest.approx(0.02, rel=4.0 / np.sqrt(6000.0))


def test_rattling_moves_each_coordinate_by_the_deviation(crystal, random):
    moved = rattled(crystal.repeat(5), 0.1, random).positions - crystal.repeat(5).positions
    assert np.std(moved) == pytest.approx(0.1, rel=4.0 / np.sqrt(2.0 * moved.size))


def test_atoms_of_an_element_move_together(crystal, random):
    moved = shifted_sublattices(crystal, 0.1, random).positions - crystal.positions
    sodium, chlorine = moved[crystal.numbers == 11], moved[crystal.numbers == 17]
    assert np.ptp(sodium, axis=0) == pytest.approx(0.0, abs=1e-12)
    assert np.ptp(chlorine, axis=0) == pytest.approx(0.0, abs=1e-12)
    assert not np.allclose(sodium[0], chlorine[0])


def test_crystal_itself_is_not_changed(crystal, random):
    before = crystal.copy()
    for change in (strained, rattled, shifted_sublattices):
        change(crystal, 0.1, random)
    scaled(crystal, 0.1)
    assert crystal == before
