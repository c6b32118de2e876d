"""Products of vectors, compared with numpy's."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ase_orbital.numerics.vectors import cross, dot, inverted

VECTORS = arrays(float, 3, elements=st.floats(-10, 10))


@given(VECTORS, VECTORS)
def test_products_are_those_of_numpy(a, b):
    product = np.empty(3)
    cross(a, b, product)
    np.testing.assert_allclose(dot(a, b), np.dot(a, b), atol=1e-12)
    np.testing.assert_allclose(product, np.cross(a, b), atol=1e-12)


@given(st.integers(0, 2**32 - 1))
def test_reciprocal_vectors_invert_a_cell(seed):
    cell = np.random.default_rng(seed).normal(size=(3, 3)) + 4.0 * np.eye(3)
    reciprocal = np.empty((3, 3))
    volume = inverted(cell, reciprocal)
    np.testing.assert_allclose(volume, np.linalg.det(cell), rtol=1e-12)
    np.testing.assert_allclose(reciprocal @ cell.T, np.eye(3), atol=1e-13)


def test_a_left_handed_cell_has_a_negative_volume():
    assert inverted(np.diag([1.0, 2.0, -3.0]), np.empty((3, 3))) == -6.0


def test_a_flat_cell_has_no_volume():
    assert inverted(np.ones((3, 3)), np.empty((3, 3))) == 0.0
