"""Fingerprints: cells of one crystal, merged features, the cache."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from numpy.testing import assert_allclose, assert_array_equal

from ase_orbital import GOM, OFM
from ase_orbital.errors import SettingError, StructureError
from ase_orbital.similarity.fingerprints import (
    Fingerprint,
    Fingerprints,
    composition_of,
    distinct,
    moments_of,
)

SHORT = GOM(cutoff=4.0)


def test_every_cell_of_a_crystal_has_one_fingerprint():
    fingerprints = Fingerprints(SHORT)
    one = fingerprints.of(bulk("NaCl", "rocksalt", a=5.64))
    other = fingerprints.of(bulk("NaCl", "rocksalt", a=5.64, cubic=True) * (2, 1, 1))
    assert one.composition == other.composition == (True, ((11, 1), (17, 1)))
    assert one.formula == "ClNa"
    assert one.shares == [0.5, 0.5]
    for mine, its in zip(one.species, other.species, strict=True):
        assert_array_equal(mine.copies, [1])
        assert_allclose(mine.values, its.values, atol=1e-6)


def test_molecules_of_different_size_have_different_compositions():
    """A periodic formula is reduced, that of a molecule is not."""
    assert composition_of(np.array([1, 1, 8, 8]), periodic=True) == (True, ((1, 1), (8, 1)))
    assert composition_of(np.array([1, 1, 8, 8]), periodic=False) == (
        False,
        ((1, 2), (8, 2)),
    )
    oxygen = Fingerprints(SHORT).of(Atoms("O2", [[0, 0, 0], [0, 0, 1.2]]))
    assert oxygen.may_equal(Atoms("O2", [[0, 0, 0], [0, 0, 3.0]]))
    assert not oxygen.may_equal(Atoms("O"))


def test_equal_features_are_merged_and_counted():
    features = np.array([[2.0, 1.0, 0.0], [1.0, 0.0, 0.0], [2.0, 1.0 + 1e-8, 0.0]] * 2)
    merged = distinct(features)
    assert_allclose(merged.values, [[1.0, 0.0], [2.0, 1.0]], atol=1e-7)
    assert_array_equal(merged.copies, [1, 2])
    assert merged.values.dtype == np.float32


def test_merged_features_do_not_depend_on_the_order_of_atoms():
    random = np.random.default_rng(0)
    features = random.normal(size=(12, 5))
    one, other = distinct(features), distinct(features[random.permutation(12)])
    assert_array_equal(one.values, other.values)
    assert_array_equal(one.copies, other.copies)


@pytest.mark.parametrize("size", [1e-8, 1e-16, 1e-30])
def test_features_of_rounding_errors_are_zero(size):
    """Alone, or as the mean of two that cancel."""
    noise = size * np.random.default_rng(0).normal(size=(4, 3))
    assert_array_equal(distinct(noise).values, [[0.0]])
    merged = distinct(np.array([[2e-7, 1.0], [-2e-7 + size, 1.0]]) * [[1.0, 1e-7]])
    assert_array_equal(merged.values, np.zeros_like(merged.values))


def test_the_length_is_the_distance_from_zero():
    species = (distinct(np.array([[3.0, 4.0]])), distinct(np.array([[1.0], [2.0]])))
    fingerprint = Fingerprint((True, ((3, 1), (8, 2))), species)
    assert fingerprint.length == pytest.approx(np.sqrt((25.0 + 1.0 + 4.0) / 3.0))
    assert fingerprint.width == 2


def test_moments_are_means_and_standard_deviations():
    species = (distinct(np.array([[3.0, 4.0]])), distinct(np.array([[1.0], [2.0]])))
    fingerprint = Fingerprint((True, ((3, 1), (8, 2))), species)
    expected = np.array([[[3.0, 4.0], [0.0, 0.0]], [[1.5, 0.0], [0.5, 0.0]]])
    shares = np.sqrt([1 / 3, 2 / 3])[:, None, None]
    assert_allclose(moments_of(fingerprint), shares * expected, rtol=1e-7)
    assert fingerprint.moments is fingerprint.moments


def test_many_fingerprints_at_once_are_those_of_each(alloys):
    structures = alloys(6)
    at_once = Fingerprints(SHORT).of_many([*structures, structures[0]])
    assert at_once[0] is at_once[-1]
    one_by_one = Fingerprints(SHORT)
    for fingerprint, atoms in zip(at_once, structures, strict=False):
        for mine, its in zip(
            fingerprint.species, one_by_one.of(atoms).species, strict=True
        ):
            assert_array_equal(mine.values, its.values)


def test_the_cache_drops_the_least_recently_used(monkeypatch):
    described = []
    create = GOM.create

    def counted(self, structure):
        described.append(str(structure.symbols))
        return create(self, structure)

    monkeypatch.setattr(GOM, "create", counted)
    fingerprints = Fingerprints(SHORT, size=2)
    for symbol in ("Cu", "Al", "Cu", "Ni", "Cu", "Al"):
        fingerprints.of(bulk(symbol))
    assert described == ["Cu", "Al", "Ni", "Al"]


def test_only_the_top_atoms_are_compared(structures):
    slab = structures["slab"]
    other = slab.copy()
    other.symbols[0] = "Au"  # below, and out of the cutoff
    fingerprints = Fingerprints(GOM(cutoff=3.0), n_top=1)
    one, two = fingerprints.of(slab), fingerprints.of(other)
    assert one.composition == two.composition == (False, ((29, 1),))
    assert_allclose(one.species[0].values, two.species[0].values, atol=1e-6)


def test_bad_settings_and_structures_are_explained():
    with pytest.raises(SettingError, match="n_top must be at least 1"):
        Fingerprints(SHORT, n_top=0)
    with pytest.raises(SettingError, match="size must be at least 1"):
        Fingerprints(SHORT, size=0)
    with pytest.raises(StructureError, match="no atoms"):
        Fingerprints(SHORT).of(Atoms())


@pytest.mark.parametrize("center", [True, False])
@pytest.mark.parametrize(
    "name", ["perovskite", "one atom", "slab", "molecule", "lone atom"]
)
def test_compact_features_of_the_ofm_keep_their_distances(structures, name, center):
    atoms = structures[name]
    moved = atoms.copy()
    moved.rattle(0.1, seed=1)
    descriptor = OFM(center=center)
    long, others = descriptor.create(atoms), descriptor.create(moved)
    short, short_others = descriptor.compact(long), descriptor.compact(others)
    assert short.shape == (len(atoms), 32)
    assert_allclose(
        np.linalg.norm(short - short_others, axis=1),
        np.linalg.norm(long - others, axis=1),
        atol=1e-12,
    )
