"""Distances of structures: against brute force, as a metric, and their lower bounds."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.distance import cdist

from ase_orbital import OFM
from ase_orbital.similarity import distance as module
from ase_orbital.similarity.distance import (
    difference,
    distance,
    least_difference,
    lower_bound,
    mean_square,
    padded,
    reach,
    transported,
)
from ase_orbital.similarity.fingerprints import Fingerprint, compact, distinct
from ase_orbital.similarity.index import Axes

VALUES = st.floats(-2.0, 2.0, width=32)


def rows(n, width=3):
    return arrays(np.float64, (n, width), elements=VALUES)


@st.composite
def fingerprints(draw, n_structures):
    """Structures of one composition AB2 in cells of one to three formula units."""
    made = []
    for _ in range(n_structures):
        units = draw(st.integers(1, 3))
        width = draw(st.integers(1, 4))
        species = (
            distinct(draw(rows(units, width))),
            distinct(draw(rows(2 * units, width))),
        )
        made.append(Fingerprint((True, ((3, 1), (8, 2))), species))
    return made


@given(rows(4), rows(4))
def test_it_is_the_best_of_all_assignments(one, other):
    costs = np.square(one[:, None] - other).sum(axis=2)
    best = min(costs[range(4), order].mean() for order in map(list, permutations(range(4))))
    assert mean_square(distinct(one), distinct(other)) == pytest.approx(best, abs=1e-5)


def test_species_count_by_their_atoms():
    """One atom of A moves by 3, two of B by 1: the mean square is (9 + 1 + 1) / 3."""
    composition = (True, ((3, 1), (8, 2)))
    one = Fingerprint(composition, (distinct(np.eye(1)), distinct(np.eye(2))))
    other = Fingerprint(
        composition,
        (distinct(4.0 * np.eye(1)), distinct(2.0 * np.eye(2)[::-1])),
    )
    assert distance(one, other) == pytest.approx(np.sqrt(11 / 3), rel=1e-6)


@given(rows(2), rows(3))
def test_cells_of_different_size_are_repeated_to_their_least_common_multiple(one, other):
    repeated = mean_square(distinct(np.tile(one, (3, 1))), distinct(np.tile(other, (2, 1))))
    assert mean_square(distinct(one), distinct(other)) == pytest.approx(repeated, abs=1e-5)


@settings(max_examples=50, deadline=None)
@given(rows(4), rows(6))
def test_the_linear_program_gives_what_the_assignment_gives(one, other):
    left, right = distinct(one), distinct(other)
    costs = cdist(padded(left, 3), padded(right, 3), "sqeuclidean")
    shares = [side.copies / side.copies.sum() for side in (left, right)]
    expected = mean_square(left, right)
    carried = (transported(costs, *shares) * costs).sum()
    assert carried == pytest.approx(expected, abs=1e-6)


def test_many_atoms_in_unlike_cells_take_the_linear_program(monkeypatch):
    random = np.random.default_rng(0)
    one, other = (distinct(random.normal(size=(n, 4))) for n in (49, 50))
    monkeypatch.setattr(module, "LARGEST_ASSIGNMENT", 2450)
    expected = mean_square(one, other)
    monkeypatch.setattr(module, "LARGEST_ASSIGNMENT", 512)
    monkeypatch.setattr(module, "linear_sum_assignment", None)
    assert mean_square(one, other) == pytest.approx(expected, rel=1e-6)


@settings(max_examples=100, deadline=None)
@given(fingerprints(3))
def test_it_is_a_metric(structures):
    a, b, c = structures
    assert distance(a, a) == pytest.approx(0.0, abs=1e-5)
    assert distance(a, b) == pytest.approx(distance(b, a), abs=1e-5)
    assert distance(a, c) <= distance(a, b) + distance(b, c) + 1e-5


@settings(max_examples=150, deadline=None)
@given(fingerprints(2))
def test_no_bound_is_above_the_distance(structures):
    one, other = structures
    apart = distance(one, other)
    assert lower_bound(one, other) <= apart + 1e-6
    fraction = difference(one, other)
    assert least_difference(apart, one.length) <= fraction + 1e-6
    if fraction < 2.0:
        assert apart <= reach(fraction, one.length) + 1e-6


@settings(max_examples=100, deadline=None)
@given(fingerprints(6))
def test_points_on_fitted_axes_are_no_further_apart_than_structures(structures):
    axes = Axes(structures[:4])  # the others may be wider, or vary otherwise
    points = [axes.point(structure) for structure in structures]
    for one, point in zip(structures, points, strict=True):
        for other, place in zip(structures, points, strict=True):
            assert np.linalg.norm(point - place) <= distance(one, other) + 1e-6


def test_the_bound_is_the_distance_where_there_is_but_one_row():
    composition = (True, ((3, 1),))
    one, other = (
        Fingerprint(composition, (distinct(np.array([row])),))
        for row in ([3.0, 1.0, 0.5], [2.0, 1.0])
    )
    assert lower_bound(one, other) == pytest.approx(distance(one, other), rel=1e-6)
    assert distance(one, other) == pytest.approx(np.sqrt(1.25), rel=1e-6)


@pytest.mark.parametrize("center", [True, False])
@pytest.mark.parametrize(
    "name", ["perovskite", "one atom", "slab", "molecule", "lone atom"]
)
def test_short_rows_of_the_ofm_are_as_far_apart_as_the_long_ones(structures, name, center):
    atoms = structures[name]
    moved = atoms.copy()
    moved.rattle(0.1, seed=1)
    descriptor = OFM(center=center)
    long, others = descriptor.create(atoms), descriptor.create(moved)
    short, short_others = compact(descriptor, long), compact(descriptor, others)
    assert short.shape == (len(atoms), 32)
    np.testing.assert_allclose(
        np.linalg.norm(short - short_others, axis=1),
        np.linalg.norm(long - others, axis=1),
        atol=1e-12,
    )
