"""Features of structures are reductions of those of their atoms, with names."""

import numpy as np
import pytest
from ase.build import bulk

from ase_orbital import GOM, OFM, Concatenate, ElementalFeatures, OneHot
from ase_orbital.errors import SettingError

from ..structures import LOW, PEROVSKITE

DESCRIPTORS = [
    OFM(),
    OFM(center=False),
    GOM(n_eigenvalues=20),
    ElementalFeatures(),
    OneHot(size=120),
    Concatenate(OneHot(), GOM(n_eigenvalues=5)),
]


@pytest.mark.parametrize("pool", ["mean", "sum", "max", "std"])
def test_a_pool_is_a_reduction_over_the_atoms(pool):
    descriptor = GOM(n_eigenvalues=20)
    atoms = descriptor.create(LOW)
    expected = getattr(np, pool)(atoms, axis=0)
    np.testing.assert_allclose(descriptor.create(LOW, pool=pool), expected)
    for found in descriptor.create_many([LOW, LOW], pool=pool):
        np.testing.assert_allclose(found, expected)
    if pool != "sum":  # a supercell is the same crystal
        larger = descriptor.create(LOW * (2, 1, 1), pool=pool)
        np.testing.assert_allclose(larger, expected, atol=1e-9)


def test_elements_are_pooled_each_on_their_own():
    descriptor = GOM(n_eigenvalues=20)
    features, symbols = descriptor.create(PEROVSKITE), np.array(PEROVSKITE.symbols)
    found = descriptor.create(PEROVSKITE, pool="mean", elements=["O", "N", "Ti"])
    oxygen, nitrogen, titanium = found.reshape(3, 20)
    np.testing.assert_allclose(oxygen, features[symbols == "O"].mean(axis=0))
    np.testing.assert_allclose(titanium, features[symbols == "Ti"].mean(axis=0))
    assert not nitrogen.any()


@pytest.mark.parametrize("descriptor", DESCRIPTORS, ids=repr)
def test_every_feature_has_a_name_of_its_own(descriptor):
    names = descriptor.feature_names()
    assert len(set(names)) == len(names) == descriptor.n_features
    pool = {"pool": "max", "elements": ["O", "Sr"]}
    pooled = descriptor.feature_names(**pool)
    assert len(pooled) == len(descriptor.create(PEROVSKITE, **pool))
    assert pooled[0] == f"max O {names[0]}"


def test_names_say_what_is_in_the_column():
    copper = bulk("Cu")
    row = dict(zip(OFM().feature_names(), OFM().create(copper)[0], strict=True))
    matrix = OFM().matrices(copper)[0]
    assert row["s1"] == row["d10"] == 1.0
    assert row["s1-d10"] == matrix[0, 17] > 0.0
    assert {name for name, value in row.items() if value} == {
        "s1", "d10", "s1-s1", "s1-d10", "d10-s1", "d10-d10",
    }  # fmt: skip
    row = dict(zip(OneHot().feature_names(), OneHot().create(copper)[0], strict=True))
    assert [name for name, value in row.items() if value] == ["Cu"]
    missing = ElementalFeatures().feature_names()
    assert {"X", "Z", "atom_mass"} <= set(missing)


def test_invalid_pools_are_explained():
    with pytest.raises(SettingError, match="pool must be one of mean, sum, max, std, not"):
        GOM().create(LOW, pool="median")
    with pytest.raises(SettingError, match="give a pool, such as 'mean'"):
        GOM().create_many([LOW], elements=["O"])
    with pytest.raises(SettingError, match="a list of elements, such as"):
        GOM().create(LOW, pool="mean", elements="O")
    with pytest.raises(SettingError, match="'Xx' in elements is not the symbol"):
        GOM().create(LOW, pool="mean", elements=["Xx"])
    with pytest.raises(SettingError, match="their number depends on the structure"):
        GOM().feature_names()


def test_elements_are_a_list_and_no_generator(rocksalt):
    with pytest.raises(SettingError, match="give a list of elements"):
        GOM(n_eigenvalues=2).create(rocksalt, pool="mean", elements=(at for at in ["Na"]))
