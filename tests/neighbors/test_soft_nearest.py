"""Weights against the nearest k, where these are unique, and against their definition."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from ase_orbital.neighbors.batch import neighbor_batch
from ase_orbital.neighbors.soft_nearest import nearest, neighbor_weight, soft_cutoffs
from ase_orbital.testing import same_crystals

from ..structures import PEROVSKITE

RADIUS = 6.0
SMOOTHING = 0.1


def smoothstep(x):
    x = np.clip(x, 0.0, 1.0)
    return x * x * (3.0 - 2.0 * x)


def weighted(atoms, *, k=12, smoothing=SMOOTHING, cutoff=RADIUS):
    pairs = neighbor_batch([atoms], cutoff)
    cutoffs = soft_cutoffs(pairs, k=k, smoothing=smoothing, cutoff=cutoff)
    found = [
        neighbor_weight(cutoffs[center], distance, smoothing)
        for center, distance in zip(pairs.center, pairs.distance, strict=True)
    ]
    return pairs, np.array(found)


def sums(atoms, pairs, weights):
    return np.bincount(pairs.center, weights, minlength=len(atoms))


def on_a_line(*distances):
    """One atom at the origin, the others at these distances from it and far apart."""
    directions = [[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]]
    points = [d * np.array(e) for d, e in zip(distances, directions, strict=False)]
    return Atoms(f"CH{len(points)}", [[0, 0, 0], *points])


def of_first(distances, **settings):
    pairs, weights = weighted(on_a_line(*distances), **settings)
    return weights[pairs.first_pair[0] : pairs.first_pair[1]]


# --- Physics


def test_tied_neighbors_share_equally():
    """O in SrTiO3 has 2 Ti, and then 4 Sr and 8 O at one distance for ten places."""
    pairs, weights = weighted(PEROVSKITE)
    oxygen = int(np.flatnonzero(PEROVSKITE.symbols == "O")[0])
    mine = slice(pairs.first_pair[oxygen], pairs.first_pair[oxygen + 1])
    kept = weights[mine] > 0
    numbers = PEROVSKITE.numbers[pairs.neighbor[mine]][kept]
    assert sorted(numbers) == [8] * 8 + [22] * 2 + [38] * 4
    assert_allclose(weights[mine][kept], np.where(numbers == 22, 1.0, 10 / 12), atol=1e-12)


@pytest.mark.parametrize("k", [1, 5, 8, 12, 18, 20])
def test_weights_add_up_to_k(k):
    atoms = bulk("TiN", "rocksalt", a=4.24, cubic=True)
    atoms.rattle(0.2, seed=1)
    pairs, weights = weighted(atoms, k=k)
    assert_allclose(sums(atoms, pairs, weights), k, atol=1e-10)
    assert ((weights >= 0.0) & (weights <= 1.0)).all()


def test_weights_are_the_smoothstep_of_one_soft_cutoff():
    distances = np.array([1.0, 1.04, 1.07, 1.11])
    weights = of_first(distances, k=2)
    cutoffs = np.linspace(1.0, 1.1, 100_001)
    table = smoothstep((cutoffs[:, None] - distances) / SMOOTHING + 0.5)
    best = np.abs(table.sum(axis=1) - 2.0).argmin()
    assert_allclose(weights, table[best], atol=1e-4)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(
    distances=st.lists(st.floats(1.0, 2.0), min_size=6, max_size=6),
    k=st.integers(1, 6),
    smoothing=st.floats(0.01, 0.5),
)
def test_nearer_neighbors_never_have_less_weight(distances, k, smoothing):
    weights = of_first(distances, k=k, smoothing=smoothing)
    assert (np.diff(weights) <= 1e-12).all()
    assert abs(weights.sum() - k) < 1e-9


def test_nearest_k_are_kept_where_there_is_a_margin():
    atoms = bulk("Cu", a=3.6)
    pairs, weights = weighted(atoms, k=12)
    assert_allclose(weights, nearest(pairs, k=12), atol=1e-12)
    assert_allclose(of_first([1.0, 1.3, 1.41], k=2), [1.0, 1.0, 0.0], atol=1e-12)


def test_nearest_keeps_the_first_k():
    pairs = neighbor_batch([on_a_line(1.3, 1.0, 1.6)], RADIUS)
    kept = nearest(pairs, k=2)[: pairs.first_pair[1]]
    assert_array_equal(kept, [1.0, 1.0, 0.0])


def test_vanishing_smoothing_leaves_ties_shared():
    assert_allclose(of_first([1.0, 1.2, 1.2], k=2, smoothing=1e-6), [1.0, 0.5, 0.5])


# --- Fewer than k


def test_all_are_kept_where_there_are_no_more_than_k():
    assert_array_equal(of_first([1.0, 1.5, 2.0], k=12), [1.0, 1.0, 1.0])
    assert_array_equal(of_first([1.0, 1.5, 2.0], k=3), [1.0, 1.0, 1.0])


@pytest.mark.parametrize("smoothing", [0.1, 0.5])
def test_the_soft_cutoff_stays_at_its_limit_where_more_than_k_do_not_fill_k(smoothing):
    # Five within the radius, of which the last two are half outside: less than four.
    distances = [2.0, 2.0, 2.0, RADIUS - 0.2 * smoothing, RADIUS - 0.1 * smoothing]
    pairs = neighbor_batch([on_a_line(*distances)], RADIUS)
    found = soft_cutoffs(pairs, k=4, smoothing=smoothing, cutoff=RADIUS)
    assert found[0] == RADIUS - 0.5 * smoothing
    assert of_first(distances, k=4, smoothing=smoothing).sum() < 4.0


def test_lone_atom_has_no_weights():
    assert of_first([]).shape == (0,)


# --- Continuity


def largest_step(path, **settings):
    """Largest change of any weight from one structure of a path to the next."""
    rows = []
    for distances in path:
        atoms = on_a_line(*distances)
        pairs, weights = weighted(atoms, **settings)
        table = np.zeros(len(atoms))
        table[pairs.neighbor[: pairs.first_pair[1]]] = weights[: pairs.first_pair[1]]
        rows.append(table)
    return np.abs(np.diff(rows, axis=0)).max()


def test_weights_are_continuous_while_neighbors_exchange_ranks():
    moving = np.linspace(0.9, 1.4, 1001)  # steps of 0.0005 Å, slope at most 1.5 / SMOOTHING
    assert largest_step(((d, 1.0, 1.15, 1.3) for d in moving), k=2) < 0.01


def test_weights_are_continuous_while_a_neighbor_crosses_the_cutoff():
    moving = np.linspace(RADIUS - 0.3, RADIUS + 0.1, 801)
    assert largest_step(((1.0, d) for d in moving), k=12) < 0.01


@pytest.mark.parametrize("others", [(1.0, 5.93), (1.0, 5.97), (5.91, 5.99), (5.96, 5.98)])
def test_weights_are_continuous_while_the_last_of_k_crosses_the_cutoff(others):
    moving = np.linspace(RADIUS - 0.3, RADIUS + 0.1, 801)
    assert largest_step(((*others, d) for d in moving), k=2) < 0.01


def test_neighbor_enters_through_the_cutoff_with_weight_zero():
    assert of_first([1.0, RADIUS - 1e-9])[1] < 1e-12
    assert of_first([1.0, RADIUS - 1.1 * SMOOTHING])[1] == 1.0


# --- Invariance


@pytest.mark.parametrize("atoms", [PEROVSKITE, bulk("Mg")], ids=["perovskite", "hcp"])
def test_weights_ignore_how_the_crystal_is_written(atoms):
    pairs, weights = weighted(atoms)
    mine = [np.sort(weights[a:b])[::-1][:20] for a, b in spans(pairs)]
    for change, other, origin in same_crystals(atoms):
        pairs, weights = weighted(other)
        for atom, (a, b) in enumerate(spans(pairs)):
            found = np.sort(weights[a:b])[::-1][:20]
            assert_allclose(found, mine[origin[atom]], atol=1e-9, err_msg=change)


def spans(pairs):
    return zip(pairs.first_pair[:-1], pairs.first_pair[1:], strict=True)
