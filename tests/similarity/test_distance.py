"""Distances of structures: all assignments, metric axioms, lower bounds."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.distance import cdist

from ase_orbital import GOM, OFM
from ase_orbital.errors import SettingError
from ase_orbital.similarity import distance as module
from ase_orbital.similarity.distance import (
    ROUNDING,
    checked_tolerance,
    difference,
    distance,
    least_difference,
    lower_bound,
    max_distance,
    mean_square,
    optimal_transport,
    padded,
)
from ase_orbital.similarity.fingerprints import Fingerprint, distinct

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
def test_the_distance_is_the_best_of_all_assignments(one, other):
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
    carried = (optimal_transport(costs, *shares) * costs).sum()
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
def test_the_distance_is_a_metric(structures):
    a, b, c = structures
    assert distance(a, a) == pytest.approx(0.0, abs=1e-5)
    assert distance(a, b) == pytest.approx(distance(b, a), abs=1e-5)
    assert distance(a, c) <= distance(a, b) + distance(b, c) + 1e-5


@settings(max_examples=150, deadline=None)
@given(fingerprints(2), st.integers(-40, 3))
def test_no_bound_is_above_the_distance(structures, exponent):
    """At any size, rounding included, for fingerprints of rounding errors as well."""
    one, other = (scaled(structure, 10.0**exponent) for structure in structures)
    apart = distance(one, other)
    assert lower_bound(one, other) <= apart
    fraction = difference(one, other)
    assert least_difference(apart, one.length) <= fraction * (1.0 + ROUNDING)
    assert apart <= max_distance(fraction, one.length)


def test_anything_may_be_far_from_a_fingerprint_of_zeros():
    """The difference is 2 then, and often a little less because of rounding."""
    composition = (True, ((3, 1), (8, 2)))
    zero = Fingerprint(composition, (distinct(np.zeros((1, 3))),) * 2)
    for features in np.random.default_rng(0).normal(size=(100, 9, 3)):
        other = Fingerprint(composition, (distinct(features[:3]), distinct(features[3:])))
        fraction = difference(zero, other)
        assert fraction == pytest.approx(2.0)
        assert distance(zero, other) <= max_distance(fraction, zero.length)


def scaled(fingerprint, factor):
    species = tuple(distinct(factor * part.values) for part in fingerprint.species)
    return Fingerprint(fingerprint.composition, species)


def test_the_bound_is_the_distance_of_species_with_equal_atoms():
    composition = (True, ((3, 1),))
    one, other = (
        Fingerprint(composition, (distinct(np.array([row])),))
        for row in ([3.0, 1.0, 0.5], [2.0, 1.0])
    )
    assert lower_bound(one, other) == pytest.approx(distance(one, other), rel=1e-6)
    assert distance(one, other) == pytest.approx(np.sqrt(1.25), rel=1e-6)


@pytest.mark.parametrize(
    "tolerance", [GOM.match_tolerance, OFM.match_tolerance, 1e-9, 1.999]
)
def test_a_fraction_below_two_is_accepted_unchanged(tolerance):
    assert checked_tolerance(tolerance) == tolerance


@pytest.mark.parametrize("tolerance", [0.0, -0.1, 2.0, float("nan"), float("inf")])
def test_other_tolerances_are_refused(tolerance):
    with pytest.raises(SettingError, match="tolerance must be a fraction above 0"):
        checked_tolerance(tolerance)
