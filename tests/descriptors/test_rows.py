"""Element rows and their concatenation against the tables they are read from."""

import json
import pickle
from dataclasses import dataclass

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, molecule
from numpy.testing import assert_allclose, assert_array_equal

from ase_orbital import GOM, OFM, Concatenate, ElementalFeatures, OneHot
from ase_orbital.descriptors.base import Descriptor
from ase_orbital.descriptors.settings import from_settings, to_settings
from ase_orbital.elements import jarvis_features
from ase_orbital.errors import ElementError, ModelError, StructureError
from ase_orbital.testing import assert_invariant

ROCKSALT = bulk("NaCl", "rocksalt", a=5.64)
EOSNET = Concatenate(OneHot(), GOM(n_eigenvalues=66, normalize=True))
OCRYSTALNET = Concatenate(OFM(), ElementalFeatures())

KINDS = [
    OneHot(),
    OneHot(size=20),
    ElementalFeatures(),
    OFM(),
    OFM(distance_exponent=4, center=False),
    GOM(cutoff=4.0, orbitals="sp", n_eigenvalues=8, normalize=True, max_atoms=99),
    GOM(),
    EOSNET,
    OCRYSTALNET,
    Concatenate(EOSNET, ElementalFeatures()),
]

# --- Values


def test_one_stands_at_the_atomic_number():
    rows = OneHot().create(ROCKSALT)
    assert rows.shape == (2, 113)
    assert_array_equal(np.argwhere(rows), [[0, 11], [1, 17]])
    assert_array_equal(rows.sum(axis=1), 1.0)


def test_last_place_of_a_one_hot_row_can_be_used():
    assert OneHot(size=18).create(ROCKSALT)[1, 17] == 1.0


@pytest.mark.parametrize(("key", "sodium", "chlorine"), [("Z", 11, 17), ("X", 0.93, 3.16)])
def test_elemental_features_return_to_the_units_of_their_source(key, sodium, chlorine):
    table = jarvis_features()
    column = table.keys.index(key)
    rows = ElementalFeatures().create(ROCKSALT)
    assert rows.shape == (2, 438)
    found = rows[:, column] * table.scale[column] + table.mean[column]
    assert_allclose(found, [sodium, chlorine], rtol=1e-12)


def test_feature_without_a_value_is_zero_and_said_to_be_missing():
    atoms = Atoms("EuO", [[0, 0, 0], [0, 0, 2.3]])
    missing = ElementalFeatures().missing(atoms)
    rows = ElementalFeatures().create(atoms)
    assert missing.shape == rows.shape
    assert missing[0].sum() >= 434  # all but Z, mass and electronegativity
    assert not missing[1].any()
    assert not rows[missing].any()
    assert np.isfinite(rows).all()
    assert np.abs(rows).max() < 10.0  # standardized: nothing of -9999


def test_rows_stand_side_by_side_in_the_order_given():
    rows = EOSNET.create(ROCKSALT)
    assert rows.shape == (2, 179)
    assert_array_equal(rows[:, :113], OneHot().create(ROCKSALT))
    assert_allclose(rows[:, 113:], EOSNET.parts[1].create(ROCKSALT))


@pytest.mark.parametrize(
    ("descriptor", "width"), [(EOSNET, 179), (OCRYSTALNET, 1494), (OneHot(size=5), 5)]
)
def test_widths_are_those_of_the_papers(descriptor, width):
    assert descriptor.n_features == width


def test_width_that_depends_on_the_structure_is_none():
    assert Concatenate(OneHot(), GOM()).n_features is None
    assert Concatenate(OneHot(), GOM()).create(ROCKSALT).shape[0] == 2


# --- Invariance


@pytest.mark.parametrize("descriptor", [OneHot(), ElementalFeatures(), EOSNET], ids=str)
@pytest.mark.parametrize("atoms", [ROCKSALT, molecule("CH4")], ids=["crystal", "molecule"])
def test_rows_ignore_how_the_crystal_is_written(descriptor, atoms):
    assert_invariant(descriptor, atoms)


# --- Contracts


@pytest.mark.parametrize("descriptor", KINDS, ids=str)
def test_many_are_described_as_each_alone(descriptor):
    structures = [ROCKSALT, bulk("Si"), bulk("NaCl", "cesiumchloride", a=3.5)]
    for rows, atoms in zip(descriptor.create_many(structures), structures, strict=True):
        assert_allclose(rows, descriptor.create(atoms), atol=1e-12)


@pytest.mark.parametrize("descriptor", KINDS, ids=str)
def test_rows_belong_to_whoever_asked(descriptor):
    unlike = [bulk("NaCl", "rocksalt", a=a) for a in (5.6, 5.64, 5.7)]
    for rows in descriptor.create_many([*unlike, ROCKSALT]):
        whole = rows if rows.base is None else rows.base
        assert whole.nbytes == rows.nbytes  # one kept does not keep the others in memory
    expected = descriptor.create(ROCKSALT)
    descriptor.create(ROCKSALT)[:] = 7.0
    assert_array_equal(descriptor.create(ROCKSALT), expected)


@pytest.mark.parametrize("descriptor", KINDS, ids=str)
def test_no_structures_give_no_rows(descriptor):
    assert descriptor.create_many([]) == []


@pytest.mark.parametrize("descriptor", KINDS, ids=str)
def test_equal_settings_are_equal_and_travel(descriptor):
    twin = pickle.loads(pickle.dumps(descriptor))
    assert twin == descriptor
    assert hash(twin) == hash(descriptor)
    assert sum(descriptor == other for other in KINDS) == 1


@pytest.mark.parametrize("descriptor", KINDS, ids=str)
def test_settings_survive_json(descriptor):
    settings = json.loads(json.dumps(to_settings(descriptor)))
    assert from_settings(settings) == descriptor


def test_how_to_compute_is_no_setting_of_a_model():
    settings = to_settings(GOM(dtype="float32", n_eigenvalues=3))
    assert "dtype" not in settings
    assert "device" not in settings
    assert from_settings(settings) == GOM(n_eigenvalues=3)


def test_reading_settings_leaves_them_as_they_are():
    settings = to_settings(EOSNET)
    before = json.dumps(settings)
    from_settings(settings)
    assert json.dumps(settings) == before


def test_caller_cannot_change_the_table_through_the_rows():
    rows = ElementalFeatures().create(ROCKSALT)
    rows += 1.0
    assert not np.array_equal(ElementalFeatures().create(ROCKSALT), rows)


# --- Errors


def test_element_outside_the_one_hot_row_is_named():
    with pytest.raises(ElementError, match=r"atom 1 \(Cl, Z=17\).*one-hot row of 17"):
        OneHot(size=17).create(ROCKSALT)


def test_element_outside_the_table_of_features_is_named():
    atoms = Atoms("ORf", [[0, 0, 0], [0, 0, 2]])
    with pytest.raises(
        ElementError, match=r"atom 1 \(Rf, Z=104\) has no row in the JARVIS"
    ):
        ElementalFeatures().create(atoms)


@pytest.mark.parametrize("size", [0, -47])
def test_one_hot_row_without_places_is_refused(size):
    with pytest.raises(ValueError, match="size must be"):
        OneHot(size=size)


def test_nothing_to_concatenate_is_refused():
    with pytest.raises(ValueError, match="at least one descriptor"):
        Concatenate()


@pytest.mark.parametrize("descriptor", [OneHot(), ElementalFeatures(), EOSNET], ids=str)
def test_broken_structures_are_refused_before_anything_else(descriptor):
    with pytest.raises(StructureError, match="no atoms"):
        descriptor.create(Atoms())
    with pytest.raises(StructureError, match="no atoms"):
        descriptor.create_many([ROCKSALT, Atoms()])


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"name": "SOAP"}, "SOAP"),
        ({}, "None"),
        ({"name": "OneHot", "length": 3}, "length"),
        ({"name": "Concatenate", "parts": [{"name": "ACSF"}]}, "ACSF"),
        ({"name": "Concatenate"}, "Concatenate"),
        ({"name": "Concatenate", "parts": []}, "Concatenate"),
        ({"name": "GOM", "orbitals": "spd"}, "GOM"),
    ],
    ids=str,
)
def test_settings_of_another_version_are_refused(settings, word):
    with pytest.raises(ModelError, match=word):
        from_settings(settings)


def test_descriptor_of_ones_own_cannot_be_saved_and_says_so():
    @dataclass(frozen=True)
    class Mine(Descriptor):
        n_features: int = 1

        def features(self, structures):
            return [np.ones((len(around.orbits.first), 1)) for around in structures]

    assert Mine().create(ROCKSALT).shape == (2, 1)
    with pytest.raises(ModelError, match=r"Mine is not one of the descriptors.*OneHot"):
        to_settings(Mine())
