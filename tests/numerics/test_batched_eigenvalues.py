"""Eigenvalues that are solved together agree with closed forms and with LAPACK."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from ase_orbital.errors import ConvergenceError
from ase_orbital.numerics import batched_eigenvalues
from ase_orbital.numerics.batched_eigenvalues import LANES
from ase_orbital.numerics.packing import symmetric_eigenvalues

# The solver is backward stable: errors are some roundings of the largest eigenvalue.
PRECISIONS = {dtype: 40.0 * np.finfo(dtype).eps for dtype in ("float32", "float64")}
SIZES = [1, 2, 3, 4, 7, 12, 30, 61, 120, 250, 270]
POWERS = 10.0 ** np.arange(-15.0, 1.0)
RISING = np.outer(POWERS, POWERS) + np.diag(POWERS**2)


def gaussians(n_matrices, n, seed=0):
    points = np.random.default_rng(seed).normal(size=(n_matrices, n, 3)) * n ** (1 / 3)
    return np.exp(-np.square(points[:, :, None] - points[:, None]).sum(-1) / 4)


def chain(n):
    return np.eye(n, k=1) + np.eye(n, k=-1)


@pytest.mark.parametrize("n", [2, 5, 20, 61])
@pytest.mark.parametrize("dtype", PRECISIONS)
def test_a_chain_has_the_energies_of_hueckel(n, dtype):
    found = symmetric_eigenvalues(np.repeat(chain(n)[None], LANES, axis=0).astype(dtype))
    energies = 2.0 * np.cos(np.pi * np.arange(1, n + 1) / (n + 1))
    assert found.dtype == dtype
    assert_allclose(found, np.tile(energies, (LANES, 1)), atol=2 * PRECISIONS[dtype])


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("dtype", PRECISIONS)
def test_overlaps_of_gaussians_as_lapack_solves_them(n, dtype):
    matrices = gaussians(LANES + 20, n)
    exact = np.linalg.eigvalsh(matrices)[:, ::-1]
    error = np.abs(symmetric_eigenvalues(matrices.astype(dtype)) - exact) / exact[:, :1]
    assert error.max() < PRECISIONS[dtype] * max(1.0, n / 50)


@pytest.mark.parametrize(
    "matrix",
    [
        pytest.param(np.zeros((6, 6)), id="nothing"),
        pytest.param(np.diag([3.0, -1.0, 2.0, 2.0, 0.0]), id="diagonal"),
        pytest.param(np.ones((9, 9)), id="ones"),
        pytest.param(np.kron(np.eye(4), [[0.0, 1.0], [1.0, 0.0]]), id="pairs"),
        pytest.param(np.kron(np.eye(2), gaussians(1, 7)[0]), id="two apart"),
        pytest.param(np.kron(np.diag([1, 0, 1]), gaussians(1, 5)[0]), id="zeros between"),
        pytest.param(np.diag(np.abs(np.arange(21.0) - 10.0)) + chain(21), id="Wilkinson"),
        pytest.param(RISING, id="rising"),
        pytest.param(RISING[::-1, ::-1], id="falling"),
        pytest.param(1e-3 * np.eye(8) + 1e-20, id="small"),
    ],
)
@pytest.mark.parametrize("dtype", PRECISIONS)
def test_matrices_that_are_hard(matrix, dtype):
    exact = np.linalg.eigvalsh(matrix)[::-1]
    found = symmetric_eigenvalues(np.repeat(matrix[None], LANES, axis=0).astype(dtype))
    scale = np.abs(exact).max() or 1.0
    expected = np.tile(exact / scale, (LANES, 1))
    assert_allclose(found / scale, expected, atol=PRECISIONS[dtype])


@given(n=st.integers(2, 24), seed=st.integers(0, 2**32 - 1), zeros=st.floats(0.0, 1.0))
def test_symmetric_matrices_of_any_kind(n, seed, zeros):
    random = np.random.default_rng(seed)
    matrices = random.normal(size=(LANES, n, n)) * (random.random((LANES, n, n)) > zeros)
    matrices += matrices.mT
    exact = np.linalg.eigvalsh(matrices)[:, ::-1]
    assert_allclose(
        symmetric_eigenvalues(matrices), exact, atol=1e-13 * np.abs(exact).max()
    )


@pytest.mark.parametrize("dtype", PRECISIONS)
@pytest.mark.parametrize("gap", [0.0, 1e-15, 1e-7, 1e-6])
def test_eigenvalues_that_nearly_agree(dtype, gap):
    """Couplings between equal diagonals may never fall below rounding."""
    random = np.random.default_rng(0)
    for n in range(2, 7):
        exact = random.choice([0.0, 1.0, 1.0 + gap, -1.0], size=(20 * LANES, n))
        rotations = np.linalg.qr(random.normal(size=(20 * LANES, n, n)))[0]
        matrices = (rotations * exact[:, None]) @ rotations.mT
        found = symmetric_eigenvalues(matrices.astype(dtype))
        assert_allclose(found, np.sort(exact)[:, ::-1], atol=PRECISIONS[dtype])


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("place", [(0, 0), (5, 2), (5, 5)])
def test_what_is_not_finite_gives_no_numbers_and_harms_nothing_else(bad, place):
    matrices = gaussians(LANES, 6)
    plain = symmetric_eigenvalues(matrices)
    matrices[3][place] = bad
    found = symmetric_eigenvalues(matrices)
    assert np.isnan(found[3]).all()
    assert_array_equal(np.delete(found, 3, axis=0), np.delete(plain, 3, axis=0))


def test_no_matrices_have_no_eigenvalues():
    assert symmetric_eigenvalues(np.empty((0, 5, 5))).shape[0] == 0


def test_iterations_without_end_are_reported(monkeypatch):
    matrices = gaussians(LANES, 6)
    matrices[1:] = np.eye(6)  # has converged before the first step
    monkeypatch.setattr(batched_eigenvalues, "MAX_STEPS", 1)
    with pytest.raises(ConvergenceError, match=r"^\d eigenvalues have not"):
        symmetric_eigenvalues(matrices)
    assert_array_equal(symmetric_eigenvalues(matrices[1:]), 1.0)


@pytest.mark.parametrize("dtype", PRECISIONS)
def test_a_quarter_of_the_steps_is_enough(dtype, monkeypatch):
    monkeypatch.setattr(batched_eigenvalues, "MAX_STEPS", 15)
    for n in (2, 7, 30, 61):
        symmetric_eigenvalues(gaussians(2 * LANES, n, seed=n).astype(dtype))
