"""Splits have exact sizes, keep groups together, and ignore the order of crystals."""

import json
from itertools import chain

import numpy as np
import pytest
from ase.build import bulk, make_supercell
from hypothesis import given, settings
from hypothesis import strategies as st

from ase_orbital.errors import DataError
from ase_orbital.training.splits import (
    MEGNET_SIZES,
    Split,
    draw_folds,
    draw_split,
    group_of,
)

from ..structures import RUTILE

NAMES = [f"c{index}" for index in range(100)]
SALT, MAGNESIA = bulk("NaCl", "rocksalt", a=5.64), bulk("MgO", "rocksalt", a=4.21)
CESIUM = bulk("CsCl", "cesiumchloride", a=4.12)


def lengths(split):
    return tuple(map(len, split))


@settings(deadline=None, derandomize=True)
@given(st.integers(1, 300), st.integers(0, 9))
def test_fractions_that_add_up_to_one_use_every_crystal(n_crystals, seed):
    names = [f"c{index}" for index in range(n_crystals)]
    split = draw_split(names, None, (0.8, 0.1, 0.1), seed)
    assert sorted(chain(*split)) == sorted(names)
    assert len(split.validation) == len(split.test) == round(0.1 * n_crystals)


def test_sizes_in_numbers_are_exact():
    split = draw_split(NAMES, None, (60, 7, 3), 0)
    assert lengths(split) == (60, 7, 3)
    assert len(set(chain(*split))) == 70


def test_fractions_below_one_leave_the_rest_out():
    assert lengths(draw_split(NAMES, None, (0.5, 0.1, 0.2), 0)) == (50, 10, 20)


def test_megnet_sizes_are_those_of_the_paper():
    """Chen et al., Chem. Mater. 31, 3564 (2019): 69,239 crystals."""
    assert sum(MEGNET_SIZES) == 69_239
    names = [str(index) for index in range(69_640)]
    assert lengths(draw_split(names, None, MEGNET_SIZES, 0)) == MEGNET_SIZES


def test_too_few_crystals_are_an_error_with_their_number():
    with pytest.raises(DataError, match=r"\[90, 10, 10\] needs more than the 100 crystals"):
        draw_split(NAMES, None, (90, 10, 10), 0)


def test_another_seed_gives_another_split():
    first, second = (draw_split(NAMES, None, (0.8, 0.1, 0.1), seed) for seed in (0, 1))
    assert set(first.test) != set(second.test)
    assert first == draw_split(NAMES, None, (0.8, 0.1, 0.1), 0)


def test_a_longer_training_set_contains_the_shorter():
    short, long = (draw_split(NAMES, None, (size, 5, 10), 0) for size in (20, 80))
    assert long.train[:20] == short.train
    assert long.test == short.test


@settings(deadline=None, derandomize=True)
@given(st.lists(st.integers(0, 12), min_size=1, max_size=60), st.integers(0, 99), st.data())
def test_groups_stay_whole_whatever_the_order(groups, seed, data):
    names = [f"c{index}" for index in range(len(groups))]
    kind = dict(zip(names, groups, strict=True))
    try:
        split = draw_split(names, groups, (0.6, 0.2, 0.2), seed)
    except DataError:
        # Test set and validation set took every group.
        assert len(set(groups)) <= 3 or max(map(groups.count, groups)) > 1
        return
    assert sorted(chain(*split)) == sorted(names)
    train, validation, test = ({kind[name] for name in part} for part in split)
    assert len(train | validation | test) == len(train) + len(validation) + len(test)
    order = data.draw(st.permutations(names))
    again = draw_split(order, [kind[name] for name in order], (0.6, 0.2, 0.2), seed)
    assert [set(part) for part in again] == [set(part) for part in split]


def test_one_group_cannot_be_split():
    with pytest.raises(DataError, match="set is empty, because 1 groups cannot be split"):
        draw_split(NAMES, ["all"] * 100, (0.8, 0.1, 0.1), 0)


def test_a_split_survives_a_file(tmp_path):
    split = draw_split(NAMES, None, (0.5, 0.2, 0.2), 3)
    split.save(tmp_path / "split.json")
    assert Split.load(tmp_path / "split.json") == split


def test_identifiers_written_as_numbers_are_read_as_names(tmp_path):
    path = tmp_path / "split.json"
    path.write_text(json.dumps({"train": [1, 2], "validation": [3], "test": []}))
    assert Split.load(path) == Split(["1", "2"], ["3"], [])


def test_a_crystal_in_two_sets_is_named(tmp_path):
    path = tmp_path / "split.json"
    path.write_text(json.dumps({"train": ["a", "b"], "validation": ["c"], "test": ["b"]}))
    with pytest.raises(DataError, match="b is in two sets"):
        Split.load(path)


@pytest.mark.parametrize("text", ["{", '{"train": []}', "[1]", '{"train": 1}'])
def test_a_split_in_another_format_is_refused(tmp_path, text):
    path = tmp_path / "split.json"
    path.write_text(text)
    with pytest.raises(DataError, match="train, validation, test"):
        Split.load(path)


def test_a_missing_split_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"absent\.json"):
        Split.load(tmp_path / "absent.json")


def test_supercells_share_formula_and_chemical_system():
    copper, doubled = bulk("Cu"), bulk("Cu") * (2, 1, 1)
    assert group_of(copper, "formula") == group_of(doubled, "formula") == "Cu"
    assert group_of(SALT * (2, 1, 1), "formula") == "NaCl"
    monoxide = bulk("TiO", "rocksalt", a=4.18)
    assert group_of(RUTILE, "formula") != group_of(monoxide, "formula")
    assert group_of(RUTILE, "chemical_system") == group_of(monoxide, "chemical_system")


def test_the_same_structure_of_other_elements_is_one_prototype():
    assert group_of(SALT, "prototype") == group_of(MAGNESIA, "prototype")
    assert group_of(SALT, "prototype") != group_of(CESIUM, "prototype")


@pytest.mark.parametrize("atoms", [SALT, CESIUM], ids=["rocksalt", "cesium chloride"])
def test_a_supercell_and_another_cell_are_the_same_prototype(atoms):
    cubic = make_supercell(SALT, [[-1, 1, 1], [1, -1, 1], [1, 1, -1]])
    assert len(cubic) == 8
    assert group_of(cubic, "prototype") == group_of(SALT, "prototype")
    assert group_of(atoms * (2, 1, 3), "prototype") == group_of(atoms, "prototype")


def test_a_crystal_without_symmetry_has_a_prototype():
    shaken = MAGNESIA * (2, 1, 1)
    shaken.positions += np.random.default_rng(0).normal(scale=0.2, size=(4, 3))
    assert group_of(shaken, "prototype") != group_of(MAGNESIA, "prototype")


def test_an_unknown_kind_of_split_is_refused():
    with pytest.raises(DataError, match="'spacegroup'; use random, formula"):
        group_of(SALT, "spacegroup")


def test_folds_are_disjoint_complete_and_keep_groups():
    ids, groups = [str(index) for index in range(20)], [index // 4 for index in range(20)]
    folds = draw_folds(ids, groups, 3, seed=0)
    assert sorted(chain(*folds)) == sorted(ids)
    assert [len(fold) for fold in folds] == [8, 8, 4]
    for fold in folds:
        assert len({groups[int(name)] for name in fold}) == len(fold) / 4
    assert draw_folds(ids[::-1], groups[::-1], 3, seed=0) != draw_folds(
        ids, groups, 3, seed=1
    )
    with pytest.raises(DataError, match="5 groups of crystals cannot be in 6 folds"):
        draw_folds(ids, groups, 6, seed=0)
