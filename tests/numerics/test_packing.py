"""Eigenvalues side by side: closed forms, LAPACK's, and nothing of each other."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from ase_orbital.numerics.batched_eigenvalues import LANES
from ase_orbital.numerics.packing import pack, packed_eigenvalues, symmetric_eigenvalues

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


def of_any_size(matrices, dtype="float64"):
    """Eigenvalues of a list of matrices, solved together."""
    sizes = np.array([len(matrix) for matrix in matrices])
    packs = pack(sizes)
    triangles = packs.full(0.0, dtype)
    for number, lanes in enumerate(packs.lanes):
        own = packs.matrix[packs.first[number] : packs.first[number + 1]]
        for lane, matrix in enumerate(own):
            lower = matrices[matrix][np.tril_indices(sizes[matrix])]
            begin = packs.start[number] + lane
            triangles[begin : begin + lanes * len(lower) : lanes] = lower
    values = packed_eigenvalues(triangles, packs, sizes[packs.matrix])
    found = [np.empty(0)] * len(matrices)
    for matrix, row in zip(packs.matrix, values, strict=True):
        assert not row[sizes[matrix] :].any()
        found[matrix] = row[: sizes[matrix]]
    return found


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


@given(st.lists(st.integers(1, 40), min_size=1, max_size=100), st.integers(0, 2**32 - 1))
def test_matrices_of_any_sizes(sizes, seed):
    matrices = [gaussians(1, n, seed)[0] for n in sizes]
    for found, matrix in zip(of_any_size(matrices), matrices, strict=True):
        assert_allclose(found, np.linalg.eigvalsh(matrix)[::-1], atol=1e-12)


def test_a_matrix_is_solved_to_the_bit_whatever_lies_beside_it():
    matrices = list(gaussians(LANES, 25).astype("float32"))
    together = of_any_size(matrices, "float32")
    others = [*gaussians(LANES, 30, seed=1), *gaussians(LANES, 25, seed=2)]
    filled_up = of_any_size([matrices[0], *others[:9], *matrices[1:], *others], "float32")
    assert_array_equal(filled_up[0], together[0])
    assert_array_equal(filled_up[10 : LANES + 9], together[1:])
    assert_array_equal(of_any_size(matrices[::-1], "float32"), together[::-1])


@given(st.lists(st.integers(1, 400), min_size=1, max_size=200))
def test_each_matrix_has_a_place_of_its_own(sizes):
    packs = pack(np.array(sizes))
    assert sorted(packs.matrix) == list(range(len(sizes)))
    assert (np.diff(packs.first) <= packs.lanes).all()
    assert packs.start[-1] == sum(
        n * (n + 1) // 2 * lanes for n, lanes in zip(packs.size, packs.lanes, strict=True)
    )
    for number, n in enumerate(packs.size):
        own = packs.matrix[packs.first[number] : packs.first[number + 1]]
        assert max(sizes[matrix] for matrix in own) == n


@pytest.mark.parametrize("room", [1, 10_000, 10**9])
def test_parts_are_what_is_packed(room):
    sizes = np.random.default_rng(0).integers(1, 60, 300)
    packs = pack(sizes)
    parts = list(packs.parts(room))
    assert_array_equal(np.concatenate([part.matrix for part in parts]), packs.matrix)
    assert all(part.start[-1] <= room or len(part.size) == 1 for part in parts)
    n_values = [len(part.matrix) * part.size[0] for part in parts]
    for n, part in zip(n_values, parts, strict=True):
        assert n <= room or len(part.size) == 1
    assert all(len(part.matrix) == part.first[-1] for part in parts)


def test_few_or_large_matrices_are_left_to_lapack():
    assert pack(np.array([60] * 40 + [20])).lanes.tolist() == [LANES, LANES]
    assert pack(np.array([60] * 3)).lanes.tolist() == [1, 1, 1]
    assert pack(np.array([300] * 40)).lanes.tolist() == [1] * 40
    assert pack(np.array([60] + [20] * 32)).lanes.tolist() == [1, LANES]
