"""Environments against neighbor lists counted by hand."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from numpy.testing import assert_allclose, assert_array_equal

from ase_orbital.neighbors.batch import neighbor_batch
from ase_orbital.overlap.environments import (
    by_size,
    environment_extents,
    environments_of,
    with_rim,
)

# Shells of fcc copper: 12 at a / sqrt(2), 6 at a, 24 at a sqrt(3/2).
COPPER = bulk("Cu", a=3.6)


@pytest.mark.parametrize(
    ("cutoff", "size"), [(2.5, 1), (2.6, 13), (3.59, 13), (3.7, 19), (4.5, 43)]
)
def test_sizes_count_the_shells_of_fcc(cutoff, size):
    batch = neighbor_batch([COPPER], 5.0)
    assert environment_extents(batch, cutoff, 256).sizes.tolist() == [size]


def test_atoms_exactly_at_the_cutoff_do_not_count():
    batch = neighbor_batch([COPPER], 3.6)
    assert environment_extents(batch, 3.6, 256).sizes.tolist() == [13]


@pytest.mark.parametrize(
    ("max_atoms", "size"), [(1, 1), (12, 1), (13, 13), (18, 13), (19, 19), (42, 19)]
)
def test_large_environments_keep_whole_shells(max_atoms, size):
    batch = neighbor_batch([COPPER], 4.5)
    assert environment_extents(batch, 4.5, max_atoms).sizes.tolist() == [size]


def test_large_environments_end_at_the_first_shell_that_is_cut():
    batch = neighbor_batch([COPPER, bulk("Po", "sc", a=4.0)], 4.5)
    extents = environment_extents(batch, 4.5, 18)
    assert_allclose(extents.cutoffs, [3.6, 4.5])  # polonium has 7 atoms
    assert with_rim(batch, extents, 4.5).sizes.tolist() == [19, 7]


def test_sizes_are_those_of_inequivalent_atoms_of_all_structures():
    structures = [bulk("NaCl", "rocksalt", a=5.64, cubic=True), Atoms("He"), COPPER]
    batch = neighbor_batch(structures, 3.0)
    assert environment_extents(batch, 3.0, 256).sizes.tolist() == [7, 7, 1, 13]


def test_environments_hold_the_center_and_its_neighbors():
    salt = bulk("NaCl", "rocksalt", a=5.64)
    batch = neighbor_batch([COPPER, salt], 3.0)
    sizes, _ = environment_extents(batch, 3.0, 256)
    index = np.array([1, 2])  # sodium and chlorine
    found = environments_of(batch, sizes, index)
    assert batch.numbers[found.atoms].tolist() == [[11] + [17] * 6, [17] + [11] * 6]
    assert not found.points[:, 0].any()
    assert_allclose(np.linalg.norm(found.points[:, 1:], axis=2), 2.82)
    assert_array_equal(batch.vector[found.pairs], found.points[:, 1:])


def test_matrices_of_one_size_stay_below_the_limit():
    sizes = np.array([3, 2, 3, 9, 3, 2])
    parts = [part.tolist() for part in by_size(sizes, 20)]
    assert parts == [[1, 5], [0, 2], [4], [3]]
