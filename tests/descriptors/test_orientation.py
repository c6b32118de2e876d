"""Bond-orientational order against published values and spherical harmonics."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, molecule
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.special import factorial, lpmv

from ase_orbital import OrientationalOrder
from ase_orbital.neighbors.batch import neighbor_batch
from ase_orbital.structure import to_atoms

NEAR = OrientationalOrder(cutoff=3.0)  # the nearest neighbors of copper


def test_values_of_steinhardt_for_close_packing():
    """Phys. Rev. B 28, 784 (1983): twelve equal neighbors, fcc."""
    (orders,) = NEAR.create(bulk("Cu"))
    assert_allclose(orders[[3, 5]], [0.19094, 0.57452], atol=1e-5)
    assert_allclose(orders[::2], 0.0, atol=1e-5)  # the atom is a center of inversion


@pytest.mark.parametrize(
    ("name", "q4", "q6"), [("Po", 0.76376, 0.35355), ("Fe", 0.50918, 0.62854)]
)
def test_values_for_cubes_and_octahedra(name, q4, q6):
    crystal = bulk(name)
    shortest = {"Po": 3.35, "Fe": 2.485}[name]
    (orders,) = OrientationalOrder(cutoff=1.1 * shortest).create(crystal)
    assert_allclose(orders[[3, 5]], [q4, q6], atol=1e-5)


def spherical_harmonic(order, m, polar, azimuth):
    """Y of order l and m >= 0; `sph_harm_y` of scipy has it from version 1.15 on."""
    ratio = factorial(order - m) / factorial(order + m)
    scale = np.sqrt((2 * order + 1) / (4.0 * np.pi) * ratio)
    return scale * lpmv(m, order, np.cos(polar)) * np.exp(1j * m * azimuth)


def test_they_are_lengths_of_averaged_spherical_harmonics():
    atoms = bulk("SiC", "zincblende", a=4.36) * (2, 1, 1)
    atoms.rattle(0.2, seed=3)
    descriptor = OrientationalOrder(n_orders=5, cutoff=5.0, exponent=4.0)
    found = descriptor.create(atoms)
    batch = neighbor_batch([to_atoms(atoms)], 5.0, symmetry=False)
    for atom in range(len(atoms)):
        own = batch.center == atom
        x, y, z = batch.vector[own].T
        r = batch.distance[own]
        weight = r**-4.0 * (1.0 - (r / 5.0) ** 2) ** 2
        weight /= weight.sum()
        polar, azimuth = np.arccos(z / r), np.arctan2(y, x)
        for order in range(1, 6):
            averages = [
                (weight * spherical_harmonic(order, m, polar, azimuth)).sum()
                for m in range(order + 1)
            ]
            averages += averages[1:]  # those of -m have the same lengths
            squared = 4.0 * np.pi / (2 * order + 1) * np.square(np.abs(averages)).sum()
            assert_allclose(found[atom, order - 1], np.sqrt(squared), atol=1e-5)


def test_neighbors_on_a_line_have_ones_and_lone_atoms_zeros():
    assert_allclose(OrientationalOrder().create(molecule("H2")), 1.0, atol=1e-5)
    assert_allclose(OrientationalOrder().create(Atoms("He")), 0.0)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**16), step=st.floats(0.0, 1e-4))
def test_values_are_continuous_and_between_zero_and_one(seed, step):
    atoms = bulk("TiO", "rocksalt", a=4.2) * (2, 1, 1)
    atoms.rattle(0.3, seed=seed)
    moved = atoms.copy()
    moved.positions[0, 0] += step
    before, after = (OrientationalOrder().create(at) for at in (atoms, moved))
    assert before.min() >= 0.0
    assert before.max() <= 1.0 + 1e-6
    # An average turns by at most the angle of a bond, times l.
    assert np.abs(after - before).max() <= 40.0 * step + 1e-6


def test_values_do_not_depend_on_the_length_unit_within_the_cutoff():
    small, large = bulk("Si"), bulk("Si", a=1.2 * 5.43)
    one = OrientationalOrder(cutoff=5.0).create(small)
    assert_allclose(OrientationalOrder(cutoff=6.0).create(large), one, atol=1e-6)


def test_large_cells_are_described_in_parts():
    crystal = bulk("NaCl", "rocksalt", a=5.64) * (4, 4, 4)
    crystal.rattle(0.1, seed=1)
    whole = OrientationalOrder().create(crystal)
    few = [*range(3), *range(125, 128)]
    order = [*few, *(set(range(len(crystal))) - set(few))]
    assert_allclose(OrientationalOrder().create(crystal[order])[:6], whole[few], atol=1e-12)


def test_names_are_those_of_steinhardt():
    assert OrientationalOrder(n_orders=3).feature_names() == ["q1", "q2", "q3"]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"n_orders": 0}, "n_orders"),
        ({"n_orders": 2.5}, "n_orders"),
        ({"n_orders": 10**7}, "n_orders"),
        ({"cutoff": -1.0}, "cutoff"),
        ({"exponent": -1.0}, "exponent"),
        ({"exponent": "8"}, "exponent"),
        ({"exponent": float("nan")}, "exponent"),
    ],
)
def test_wrong_settings_are_refused(values, words):
    with pytest.raises(ValueError, match=words):
        OrientationalOrder(**values)
