"""Derivatives of GOM eigenvalues against finite differences, symmetry and translation."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from numpy.testing import assert_allclose

from ase_orbital.descriptors.gom import GOM

from ..structures import PEROVSKITE

STEP = 1e-5  # Å


def low_symmetry():
    cell = [[3.9, 0.1, 0.2], [0.7, 4.2, -0.3], [-0.4, 0.9, 4.4]]
    scaled = [[0.02, 0.05, 0.1], [0.55, 0.46, 0.52], [0.2, 0.6, 0.9]]
    return Atoms("SiOC", scaled_positions=scaled, cell=cell, pbc=True)


def by_differences(gom, atoms):
    """Central differences, [n_atoms, n_features, n_atoms, 3]."""
    columns = []
    for moved in range(len(atoms)):
        for axis in range(3):
            ends = []
            for sign in (1, -1):
                other = atoms.copy()
                other.positions[moved, axis] += sign * STEP
                ends.append(gom.create(other))
            columns.append((ends[0] - ends[1]) / (2 * STEP))
    table = np.stack(columns, axis=-1)
    return table.reshape(*table.shape[:2], len(atoms), 3)


@pytest.mark.parametrize(
    "gom",
    [
        GOM(cutoff=4.5),
        GOM(cutoff=4.0, orbitals="sp"),
        GOM(cutoff=4.5, n_eigenvalues=9),
        GOM(cutoff=4.5, n_eigenvalues=9, normalize=True),
        GOM(cutoff=4.5, n_eigenvalues=50, normalize=True),
        GOM(cutoff=4.0, orbitals="sp", n_eigenvalues=31, normalize=True),
        GOM(cutoff=6.0, max_atoms=20),
        GOM(cutoff=5.0, max_atoms=9, orbitals="sp", normalize=True, n_eigenvalues=20),
    ],
    ids=str,
)
def test_derivatives_are_those_of_finite_differences(gom):
    atoms = low_symmetry()
    rows, slopes = gom.create(atoms), gom.derivatives(atoms)
    assert slopes.shape == (*rows.shape, len(atoms), 3)
    assert_allclose(slopes, by_differences(gom, atoms), atol=2e-7)


def test_derivatives_of_a_molecule_are_those_of_finite_differences():
    atoms = Atoms("COH", [[0, 0, 0], [0.1, 0.2, 1.15], [0.9, 0.3, -0.5]])
    for gom in (GOM(), GOM(orbitals="sp")):
        assert_allclose(gom.derivatives(atoms), by_differences(gom, atoms), atol=2e-7)


CUBIC = [GOM(cutoff=4.5), GOM(cutoff=3.3, orbitals="sp")]


@pytest.mark.parametrize("gom", CUBIC, ids=["s", "sp"])
def test_moving_everything_changes_nothing(gom):
    slopes = gom.derivatives(PEROVSKITE)
    assert_allclose(slopes.sum(axis=2), 0.0, atol=1e-12)


def test_cell_of_one_atom_has_no_derivative():
    assert_allclose(GOM().derivatives(bulk("Cu")), 0.0, atol=1e-12)


@pytest.mark.parametrize("gom", CUBIC, ids=["s", "sp"])
def test_derivatives_keep_the_symmetry_of_the_crystal(gom):
    """Turning a cubic perovskite about an axis permutes its O atoms and nothing else."""
    slopes = gom.derivatives(PEROVSKITE)
    turn = np.array(
        [[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]
    )  # (x, y, z) -> (z, x, y)
    turned = PEROVSKITE.positions @ turn
    gaps = np.linalg.norm(turned[:, None] - PEROVSKITE.positions, axis=2)
    place = gaps.argmin(axis=1)
    assert gaps.min(axis=1).max() < 1e-10
    assert_allclose(slopes[place][:, :, place], slopes @ turn, atol=1e-9)


@pytest.mark.parametrize("atom", [0, 1])
def test_derivatives_vanish_where_symmetry_says_so(atom):
    """Sr and Ti sit on centers of inversion: moving them changes nothing in first order."""
    slopes = GOM(cutoff=4.5).derivatives(PEROVSKITE)
    assert_allclose(slopes[atom, :, atom], 0.0, atol=1e-9)


def test_sum_over_a_degenerate_set_has_the_derivative_of_finite_differences():
    gom = GOM(cutoff=4.0)
    atoms = bulk("NaCl", "rocksalt", a=5.0)
    rows = gom.create(atoms)
    slopes, expected = gom.derivatives(atoms), by_differences(gom, atoms)
    for atom, row in enumerate(rows):
        starts = np.flatnonzero(np.diff(row, prepend=np.inf) < -1e-7)
        sums = np.add.reduceat(slopes[atom], starts, axis=0)
        assert_allclose(sums, np.add.reduceat(expected[atom], starts, axis=0), atol=1e-6)


def test_single_precision_is_close():
    atoms = low_symmetry()
    slopes = GOM(cutoff=4.5, dtype="float32").derivatives(atoms)
    assert slopes.dtype == np.float32
    assert_allclose(slopes, GOM(cutoff=4.5).derivatives(atoms), atol=1e-4)


def test_single_precision_keeps_symmetry_too():
    slopes = GOM(cutoff=4.5, dtype="float32").derivatives(PEROVSKITE)
    assert_allclose(slopes, GOM(cutoff=4.5).derivatives(PEROVSKITE), atol=1e-3)
