"""The index against all differences, its speed, and its lower bounds."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ase_orbital.similarity.distance import difference, distance
from ase_orbital.similarity.fingerprints import Fingerprint, distinct
from ase_orbital.similarity.index import Axes, FingerprintIndex


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 400), st.integers(1, 8))
def test_an_index_finds_what_all_differences_give(synthetic, seed, size, n):
    """Built at once and one by one, with some removed, before and after new axes."""
    *present, asked = synthetic(size + 1, seed)
    numbered = dict(enumerate(present))
    half = dict(list(numbered.items())[: size // 2])
    index = FingerprintIndex(half)
    for number in range(size // 2, size):
        index.put(number, numbered[number])
    for number in range(0, size - 1, 3):
        index.remove(number)
        del numbered[number]
    expected = sorted((difference(asked, print_), k) for k, print_ in numbered.items())
    found = index.nearest(asked, n)
    np.testing.assert_allclose(
        [apart for apart, _ in found], [apart for apart, _ in expected[:n]], atol=1e-7
    )
    within = (expected[0][0] + expected[-1][0]) / 2
    found = {number for _, number in index.nearest(asked, size, within)}
    assert found == {number for apart, number in expected if apart <= within}


def test_a_hundred_thousand_fingerprints_are_searched_without_all_differences(synthetic):
    """The time is a hundredth of that of all differences, on any processor."""
    *present, asked = synthetic(100_001)
    index = FingerprintIndex(dict(enumerate(present)))
    started = time.process_time()
    for other in present[:1000]:
        difference(asked, other)
    limit = time.process_time() - started  # seconds for a hundredth of them
    for n, within in ((1, 0.0075), (1, 0.05), (5, 2.0)):
        started = time.process_time()
        for _ in range(10):
            index.nearest(asked, n, within)
        assert (time.process_time() - started) / 10 < limit
    ((apart, found),) = index.nearest(present[4711], within=0.0075)
    assert (apart, found) == (0.0, 4711)


def test_an_empty_index_has_nothing_near(synthetic):
    (asked,) = synthetic(1)
    index = FingerprintIndex()
    assert index.nearest(asked) == []
    index.put(7, asked)
    assert index.nearest(asked, 3) == [(0.0, 7)]
    index.remove(7)
    assert len(index) == 0
    assert index.nearest(asked) == []


def test_equal_differences_are_ordered_by_number(synthetic):
    one, other = synthetic(2)
    index = FingerprintIndex({5: other, 2: other, 9: other, 4: one})
    assert [number for _, number in index.nearest(other, 3)] == [2, 5, 9]


def single(values):
    return Fingerprint((True, ((3, 1),)), (distinct(np.atleast_2d(values)),))


@pytest.mark.parametrize("size", [1e-6, 1e-12, 1e-16, 1e-30])
def test_small_fingerprints_among_large_ones_are_found(size):
    """Rounding errors of the large ones' center must not hide them."""
    random = np.random.default_rng(0)
    large = {k: single(10.0 + random.normal(size=8)) for k in range(50)}
    small = {50 + k: single(size * random.normal(size=8)) for k in range(20)}
    index = FingerprintIndex(large)
    for number, fingerprint in small.items():
        index.put(number, fingerprint)
    asked = single(size * random.normal(size=8))
    expected = sorted((difference(asked, one), k) for k, one in (large | small).items())
    assert index.nearest(asked, 12) == expected[:12]


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 6), st.floats(-35.0, 2.0))
def test_lower_bounds_are_not_above_the_distances(seed, width, exponent):
    random = np.random.default_rng(seed)
    sizes = 10.0 ** random.uniform(exponent - 3.0, exponent, 9)
    *made, asked = [
        single(size * random.normal(size=(random.integers(1, 4), random.integers(1, 7))))
        for size in sizes
    ]
    index = FingerprintIndex(dict(enumerate(made[:width])))  # the rest may be wider
    for number in range(width, 8):
        index.put(number, made[number])
    bounds = index._lower_bounds(asked)
    for bound, number in zip(bounds, index._numbers, strict=True):
        assert bound <= distance(asked, made[number])


def test_projections_keep_distances_within_the_axes():
    """Two groups of points on a line: one axis tells all."""
    made = [single([x, 2.0 * x]) for x in (0.5, 1.0, 3.0)]
    axes = Axes(made)
    points = [axes.project(one) for one in made]
    for one, point in zip(made, points, strict=True):
        for other, place in zip(made, points, strict=True):
            apart = np.linalg.norm(point - place)
            assert apart == pytest.approx(distance(one, other), rel=1e-6, abs=1e-12)
