"""Equivalent atoms against spglib, for crystals of many space groups."""

import numpy as np
import pytest
import spglib
from ase import Atoms
from ase.build import bulk, fcc111, molecule
from ase.spacegroup import crystal
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit

from ase_orbital.neighbors import equivalent_atoms
from ase_orbital.neighbors.batch import neighbor_batch
from ase_orbital.neighbors.cell_list import bin_atoms

# spglib 2.7 says so at every call; its errors are not what these tests are about.
pytestmark = pytest.mark.filterwarnings("ignore:Set OLD_ERROR_HANDLING:DeprecationWarning")

LATTICES = {
    2: [5.1, 6.2, 7.3, 81, 95, 102], 14: [5.1, 6.2, 7.3, 90, 103, 90],
    62: [5.3, 7.6, 5.4, 90, 90, 90], 82: [5.4, 5.4, 10.7, 90, 90, 90],
    139: [3.9, 3.9, 12.7, 90, 90, 90], 148: [4.8, 4.8, 13.9, 90, 90, 120],
    186: [7.8, 7.8, 6.3, 90, 90, 120], 194: [8.2, 8.2, 9.2, 90, 90, 120],
    199: [8.9] * 3 + [90] * 3, 221: [3.9] * 3 + [90] * 3, 227: [8.1] * 3 + [90] * 3,
}  # fmt: skip


def made(group, primitive=False):
    """Two elements on a general and a special position."""
    places = [(0.13, 0.21, 0.34), (0, 0, 0)] if group != 221 else [(0, 0, 0), (0.5, 0.5, 0)]
    return crystal(
        ["Si", "Fe"], places, spacegroup=group, cellpar=LATTICES[group],
        primitive_cell=primitive, symprec=1e-6,
    )  # fmt: skip


def found_in(atoms, dtype="float64"):
    return neighbor_batch([atoms], 5.0, dtype)


def known(atoms, tolerance=1e-6):
    cell = (atoms.cell.array, atoms.get_scaled_positions(), atoms.numbers)
    return spglib.get_symmetry_dataset(cell, symprec=tolerance).crystallographic_orbits


def assert_as_spglib(atoms):
    found = found_in(atoms)
    _, first, kind = np.unique(known(atoms), return_index=True, return_inverse=True)
    order = first.argsort().argsort()  # numbered by their first atoms, as ours
    assert found.inequivalent_index.tolist() == order[kind].tolist()
    assert found.representative.tolist() == sorted(first.tolist())
    assert found.multiplicity.tolist() == np.bincount(found.inequivalent_index).tolist()


@pytest.mark.parametrize("group", LATTICES)
@pytest.mark.parametrize("primitive", [False, True])
def test_equivalent_atoms_are_those_of_spglib(group, primitive):
    assert_as_spglib(made(group, primitive))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    group=st.sampled_from([2, 14, 139, 186, 221]),
    repeat=st.tuples(st.integers(1, 2), st.integers(1, 2), st.integers(1, 2)),
    seed=st.integers(0, 2**16),
)
def test_equivalent_atoms_are_the_same_however_the_crystal_is_written(group, repeat, seed):
    rng = np.random.default_rng(seed)
    unit = made(group)
    atoms = unit * repeat
    order = rng.permutation(len(atoms))
    before = found_in(unit).inequivalent_index[order % len(unit)]
    atoms = atoms[order]
    atoms.rotate(float(rng.uniform(0, 180)), rng.normal(size=3), rotate_cell=True)
    atoms.positions += rng.normal(size=3) + rng.integers(-2, 3, 3) @ atoms.cell.array
    shear = np.eye(3, dtype=int)
    shear[0, 1], shear[2, 0] = rng.integers(-2, 3, 2)
    atoms.set_cell(shear @ atoms.cell.array)
    found = found_in(atoms)
    # Nothing is ever taken together that is not equivalent ...
    classes = found.inequivalent_index
    assert all(len(set(before[classes == one])) == 1 for one in classes)
    # ... and everything that is, unless the supercell has less symmetry than the crystal.
    if len(set(repeat)) == 1:
        assert len(found.representative) == len(np.unique(before))


def test_atoms_of_a_supercell_are_those_of_its_unit_cell():
    atoms = bulk("Cu") * (6, 6, 6)
    assert found_in(atoms).representative.tolist() == [0]
    assert found_in(atoms).multiplicity.tolist() == [216]


@pytest.mark.parametrize(("moved", "tolerance", "n_classes"), [
    (1e-7, "float64", 8), (1e-7, "float32", 1), (1e-4, "float32", 8),
])  # fmt: skip
def test_atoms_are_equivalent_up_to_the_tolerance(moved, tolerance, n_classes):
    atoms = bulk("Si", cubic=True)
    atoms.positions += moved * np.random.default_rng(0).uniform(-1, 1, (8, 3))
    assert len(found_in(atoms, tolerance).representative) == n_classes


def test_a_rattled_crystal_has_no_symmetry():
    atoms = bulk("NaCl", "rocksalt", a=5.6, cubic=True) * (2, 1, 1)
    atoms.rattle(0.05, seed=1)
    assert found_in(atoms).inequivalent_index.tolist() == list(range(16))


@pytest.mark.parametrize(
    "atoms",
    [molecule("CH4"), fcc111("Cu", (2, 2, 3), vacuum=5.0), Atoms("He")],
    ids=["molecule", "slab", "atom"],
)
def test_where_an_axis_is_open_atoms_stand_for_themselves(atoms):
    assert found_in(atoms).multiplicity.tolist() == [1] * len(atoms)


def test_atoms_at_equal_distances_from_others_need_not_be_equivalent():
    """Layers A B C B of spheres: all have 12 neighbors at one distance, two kinds twice."""
    dhcp = Atoms(
        "La4",
        scaled_positions=[
            (0, 0, 0),
            (1 / 3, 2 / 3, 0.25),
            (0, 0, 0.5),
            (2 / 3, 1 / 3, 0.75),
        ],
        cell=[3.75, 3.75, 4 * 3.75 * (2 / 3) ** 0.5, 90, 90, 120],
        pbc=True,
    )
    assert found_in(dhcp).inequivalent_index.tolist() == [0, 1, 0, 1]


def test_a_large_supercell_of_a_crystal_with_two_sites_of_one_kind():
    """Invariants that cannot tell two sites apart must not make the search quadratic."""
    unit = made(14)
    found = _parents_without_invariants(unit * 6)
    assert len(np.unique(found)) == len(found_in(unit).representative)


@njit
def _parents(grid, kind, n_kinds, tolerance):
    return equivalent_atoms._parents(grid, kind, n_kinds, tolerance)


def _parents_without_invariants(atoms):
    """Search as if the environments of all atoms of an element were alike."""
    elements, kind = np.unique(atoms.numbers, return_inverse=True)
    _, grid = bin_atoms(atoms.positions, atoms.cell.array, atoms.pbc)
    return _parents(grid, kind, len(elements), 1e-6)
