"""Matrices of any sizes are packed, solved together, and returned in their order."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from ase_orbital.numerics.batched_eigenvalues import LANES
from ase_orbital.numerics.packing import pack, packed_eigenvalues


def gaussians(n_matrices, n, seed=0):
    points = np.random.default_rng(seed).normal(size=(n_matrices, n, 3)) * n ** (1 / 3)
    return np.exp(-np.square(points[:, :, None] - points[:, None]).sum(-1) / 4)


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
