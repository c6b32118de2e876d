"""Symmetry makes GOM cheaper, and changes no number."""

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk
from ase.spacegroup import crystal
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from ase_orbital import GOM
from ase_orbital.elements import covalent_radii
from ase_orbital.neighbors.batch import neighbor_batch
from ase_orbital.overlap.environments import environment_extents
from ase_orbital.overlap.matrices import Gaussians
from ase_orbital.overlap.symmetry_blocks import symmetry_blocks

from ..structures import PEROVSKITE

CUTOFF = 4.5
QUARTZ = crystal(
    ["Si", "O"], [(0.4697, 0, 1 / 3), (0.4135, 0.2669, 0.1191)],
    spacegroup=152, cellpar=[4.916, 4.916, 5.405, 90, 90, 120],
)  # fmt: skip
CRYSTALS = {
    "perovskite": PEROVSKITE, "quartz": QUARTZ, "diamond": bulk("C"),
    "hcp": bulk("Mg"), "zincblende": bulk("ZnS", "zincblende", a=5.4),
}  # fmt: skip


def blocks_of(atoms):
    batch = neighbor_batch([atoms], CUTOFF)
    extents = environment_extents(batch, CUTOFF, 256)
    elements, species = np.unique(batch.numbers, return_inverse=True)
    gaussians = Gaussians(species, covalent_radii()[elements])
    return batch, extents.sizes, symmetry_blocks(batch, gaussians, extents)


def without_symmetry(atoms, **settings):
    """Features of atoms that are moved by less than matters and more than the tolerance."""
    moved = atoms.copy()
    moved.positions += 1e-7 * np.random.default_rng(0).normal(size=(len(atoms), 3))
    assert len(blocks_of(moved)[2].size) == 0
    return GOM(cutoff=CUTOFF, **settings).create(moved)


@pytest.mark.parametrize("name", CRYSTALS)
@pytest.mark.parametrize("normalize", [False, True])
def test_rows_are_those_of_the_whole_matrices(name, normalize):
    atoms = CRYSTALS[name]
    found = GOM(cutoff=CUTOFF, normalize=normalize).create(atoms)
    assert_allclose(found, without_symmetry(atoms, normalize=normalize), atol=2e-6)


def test_sites_in_a_cubic_perovskite_have_eight_blocks():
    batch, sizes, blocks = blocks_of(PEROVSKITE)
    assert batch.multiplicity.tolist() == [1, 1, 3]
    # At oxygen no orbit has the sign of one of the eight characters.
    assert np.bincount(blocks.center).tolist() == [8, 8, 7]
    assert np.bincount(blocks.center, blocks.size).tolist() == sizes.tolist()


def test_quartz_has_two_fold_axes_through_silicon_only():
    batch, sizes, blocks = blocks_of(QUARTZ)
    assert batch.multiplicity.tolist() == [3, 6]
    assert blocks.center.tolist() == [0, 0]
    assert blocks.size.sum() == sizes[0]


@pytest.mark.parametrize("name", CRYSTALS)
def test_traces_of_powers_are_those_of_the_matrix(name):
    """Sum of squares of a symmetric matrix, and of its blocks, without eigenvalues."""
    atoms = CRYSTALS[name]
    batch, _, blocks = blocks_of(atoms)
    rows = without_symmetry(atoms)
    entries = blocks.size * (blocks.size + 1) // 2
    squares = np.zeros(blocks.center.max() + 1)
    for center, n, end in zip(blocks.center, blocks.size, np.cumsum(entries), strict=True):
        lower = np.zeros((n, n))
        lower[np.tril_indices(n)] = blocks.entries[:end][-(n * (n + 1) // 2) :]
        squares[center] += 2.0 * (lower**2).sum() - (np.diag(lower) ** 2).sum()
    for index in np.unique(blocks.center):
        trace = (rows[batch.representative[index]] ** 2).sum()
        assert_allclose(squares[index], trace, rtol=1e-5)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 2**16),
    x=st.floats(0.05, 0.45),
    axes=st.tuples(*[st.floats(3.6, 5.0)] * 3),
)
def test_an_orthorhombic_crystal_with_a_free_place_keeps_its_spectrum(seed, x, axes):
    atoms = Atoms(
        "SiO2",
        scaled_positions=[(0, 0, 0), (x, 0.5, 0.25), (-x, 0.5, 0.75)],
        cell=axes,
        pbc=True,
    )
    atoms.rotate(37.0, np.random.default_rng(seed).normal(size=3), rotate_cell=True)
    assert_allclose(GOM(cutoff=CUTOFF).create(atoms), without_symmetry(atoms), atol=2e-6)


def test_single_precision_agrees_with_double():
    found = GOM(cutoff=CUTOFF, dtype="float32").create(PEROVSKITE)
    # Elements of n x n matrices are rounded, so eigenvalues change by up to n roundings.
    tolerance = np.finfo(np.float32).eps * found.shape[1]
    assert_allclose(found, GOM(cutoff=CUTOFF).create(PEROVSKITE), atol=tolerance)
    assert found.dtype == np.float32


def test_rows_shorter_and_longer_than_the_spectrum():
    whole = GOM(cutoff=CUTOFF).create(PEROVSKITE)
    short = GOM(cutoff=CUTOFF, n_eigenvalues=7).create(PEROVSKITE)
    long = GOM(cutoff=CUTOFF, n_eigenvalues=200).create(PEROVSKITE)
    assert_allclose(short, whole[:, :7], atol=1e-12)
    assert_allclose(long[:, : whole.shape[1]], whole, atol=1e-12)
    assert not long[:, whole.shape[1] :].any()


def test_threads_make_no_difference():
    crystals = [*CRYSTALS.values()] * 20
    before = torch.get_num_threads()
    rows = []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            rows.append(GOM(cutoff=CUTOFF).create_many(crystals))
    finally:
        torch.set_num_threads(before)
    assert all(np.array_equal(*pair) for pair in zip(*rows, strict=True))


def test_equal_structures_are_described_once(monkeypatch):
    searched = []

    def counting(structures, *arguments):
        searched.extend(structures)
        return neighbor_batch(structures, *arguments)

    monkeypatch.setattr("ase_orbital.descriptors.base.neighbor_batch", counting)
    one, two = GOM(cutoff=CUTOFF).create_many([PEROVSKITE, PEROVSKITE.copy()])
    assert len(searched) == 1
    assert np.array_equal(one, two)
    one[:] = 0.0
    assert two.any()
