"""Eigenvalues side by side: closed forms, LAPACK's, and nothing of each other."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from ase_orbital.descriptors.spectra import (
    LANES,
    LARGEST,
    one_by_one,
    room_for,
    side_by_side,
    spectra,
)

PRECISIONS = {"float32": 2e-6, "float64": 1e-14}  # of the largest eigenvalue
SIZES = [1, 2, 3, 4, 7, 12, 30, 61, 120, LARGEST]


def of(matrices):
    return spectra(side_by_side(matrices), len(matrices))


def gaussians(n_matrices, n, seed=0):
    points = np.random.default_rng(seed).normal(size=(n_matrices, n, 3)) * n ** (1 / 3)
    return np.exp(-np.square(points[:, :, None] - points[:, None]).sum(-1) / 4)


def chain(n):
    return np.eye(n, k=1) + np.eye(n, k=-1)


@pytest.mark.parametrize("n", [2, 5, 20, 61])
@pytest.mark.parametrize("dtype", PRECISIONS)
def test_a_chain_has_the_energies_of_hueckel(n, dtype):
    found = of(np.repeat(chain(n)[None], LANES, axis=0).astype(dtype))
    energies = 2.0 * np.cos(np.pi * np.arange(1, n + 1) / (n + 1))
    assert found.dtype == dtype
    assert_allclose(found, np.tile(energies, (LANES, 1)), atol=2 * PRECISIONS[dtype])


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("dtype", PRECISIONS)
def test_overlaps_of_gaussians_as_lapack_solves_them(n, dtype):
    matrices = gaussians(LANES + 20, n)
    exact = np.linalg.eigvalsh(matrices)[:, ::-1]
    error = np.abs(of(matrices.astype(dtype)) - exact) / exact[:, :1]
    assert error.max() < PRECISIONS[dtype] * max(1.0, n / 50)


@pytest.mark.parametrize(
    "matrix",
    {
        "nothing": np.zeros((6, 6)),
        "diagonal": np.diag([3.0, -1.0, 2.0, 2.0, 0.0]),
        "ones": np.ones((9, 9)),
        "pairs": np.kron(np.eye(4), [[0.0, 1.0], [1.0, 0.0]]),
        "two apart": np.kron(np.eye(2), gaussians(1, 7)[0]),
        "zeros between": np.kron(np.diag([1.0, 0.0, 1.0]), gaussians(1, 5)[0]),
        "Wilkinson": np.diag(np.abs(np.arange(21.0) - 10.0)) + chain(21),
        "rising": np.outer(g := 10.0 ** np.arange(-15.0, 1.0), g) + np.diag(g**2),
        "falling": np.outer(g[::-1], g[::-1]) + np.diag(g[::-1] ** 2),
        "tiny": 1e-3 * np.eye(8) + 1e-20,
    }.values(),
)
@pytest.mark.parametrize("dtype", PRECISIONS)
def test_matrices_that_are_hard(matrix, dtype):
    exact = np.linalg.eigvalsh(matrix)[::-1]
    found = of(np.repeat(matrix[None], LANES, axis=0).astype(dtype))
    scale = np.abs(exact).max() or 1.0
    assert_allclose(
        found / scale, np.tile(exact / scale, (LANES, 1)), atol=PRECISIONS[dtype]
    )


@given(n=st.integers(2, 24), seed=st.integers(0, 2**32 - 1), zeros=st.floats(0.0, 1.0))
def test_symmetric_matrices_of_any_kind(n, seed, zeros):
    random = np.random.default_rng(seed)
    matrices = random.normal(size=(LANES, n, n)) * (random.random((LANES, n, n)) > zeros)
    matrices += matrices.mT
    exact = np.linalg.eigvalsh(matrices)[:, ::-1]
    assert_allclose(of(matrices), exact, atol=1e-13 * np.abs(exact).max() + 1e-300)


def test_a_matrix_is_solved_to_the_bit_whatever_lies_beside_it():
    matrices = gaussians(2 * LANES, 25).astype("float32")
    together = of(matrices)
    others = gaussians(2 * LANES, 25, seed=1).astype("float32")
    others[LANES + 3], others[7] = matrices[0], chain(25)
    assert_array_equal(of(others)[LANES + 3], together[0])
    assert_array_equal(of(matrices[::-1].copy()), together[::-1])


@pytest.mark.parametrize("n_matrices", [1, 3, LANES - 1, LANES + 1, 2 * LANES])
@pytest.mark.parametrize("n", [5, 40])
def test_any_number_of_matrices(n_matrices, n):
    matrices = gaussians(n_matrices, n)
    exact = np.linalg.eigvalsh(matrices)[:, ::-1]
    assert_allclose(of(matrices), exact, atol=1e-13 * n)


@pytest.mark.parametrize("n", [6, LARGEST + 4])
def test_triangles_there_and_back(n):
    matrices = gaussians(3, n)
    triangles = side_by_side(matrices)
    assert triangles.shape == room_for(3, n, "float64").shape
    assert_array_equal(one_by_one(triangles, 3), np.tril(matrices))


def test_larger_matrices_are_solved_one_by_one():
    matrices = gaussians(3, LARGEST + 4)
    exact = np.linalg.eigvalsh(matrices)[:, ::-1]
    assert_allclose(of(matrices), exact, atol=1e-12)
