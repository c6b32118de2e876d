"""Exponentials against numpy's."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ase_orbital.numerics.exponential import LEAST, exp_in_place

LAST_DIGITS = 2 * np.finfo(float).eps


def exponentials(values):
    out = np.array(values, dtype=float)
    exp_in_place(out)
    return out


@given(arrays(float, st.integers(0, 70), elements=st.floats(LEAST, -LEAST)))
def test_they_are_right_to_the_last_digits(values):
    np.testing.assert_allclose(exponentials(values), np.exp(values), rtol=LAST_DIGITS)


def test_nothing_is_one_exactly():
    assert exponentials([0.0, -0.0]).tolist() == [1.0, 1.0]


@pytest.mark.parametrize("k", [-1000, -3, 1, 2, 700])
def test_powers_of_two_are_met(k):
    assert exponentials([k * math.log(2.0)])[0] == pytest.approx(2.0**k, rel=1e-13)


@pytest.mark.parametrize("x", [-701.0, -1e5, -np.inf])
def test_what_is_too_small_stays_too_small_to_matter(x):
    assert 0.0 <= exponentials([x])[0] < 1e-300
