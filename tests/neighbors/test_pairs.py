"""Pairs against ASE's neighbor list, which is slow and correct."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, fcc111, molecule
from ase.neighborlist import neighbor_list
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from ase_orbital.errors import StructureError
from ase_orbital.neighbors.batch import neighbor_batch

SHEARED = Atoms("Cu", cell=[[2.5, 0, 0], [7.0, 2.5, 0], [-6.0, 9.0, 2.5]], pbc=True)


def unwrapped():
    atoms = bulk("NaCl", "rocksalt", a=5.64).repeat((2, 1, 1))
    steps = [[1, 0, -2], [0, 3, 0], [0, 0, 0], [-1, -1, 1]]
    atoms.positions += steps @ atoms.cell.array
    return atoms


def rumpled():
    atoms = bulk("TiN", "rocksalt", a=4.24, cubic=True)
    atoms.rattle(0.1, seed=3)
    return atoms


STRUCTURES = {
    "crystal": rumpled(),
    "one atom": bulk("Cu"),
    "sheared cell of one atom": SHEARED,
    "left-handed cell": Atoms(
        "Fe2", [[0, 0, 0], [1.2, 1.3, 1.4]], cell=[3, 3, -3], pbc=True
    ),
    "unwrapped": unwrapped(),
    "slab": fcc111("Cu", (2, 1, 3), vacuum=6.0),
    "slab without a third vector": Atoms("C", cell=[2.0, 2.2, 0], pbc=[True, True, False]),
    "wire": Atoms("C2", [[0, 0, 0], [0, 1, 1]], cell=[0, 0, 2.6], pbc=[False, False, True]),
    "molecule": molecule("CH3CH2OH"),
    "molecule in an unused cell": Atoms("CO", [[0, 0, 0], [0, 0, 1.1]], cell=[3, 3, 3]),
    "lone atom": Atoms("He"),
}


def find_pairs(atoms, cutoff):
    return neighbor_batch([atoms], cutoff, symmetry=False)


def listed(center, neighbor, shift):
    table = np.column_stack([center, neighbor, shift])
    return table[np.lexsort(table.T)]


def assert_as_ase(atoms, radius):
    pairs = find_pairs(atoms, radius)
    i, j, shift = neighbor_list("ijS", atoms, radius)
    ours = listed(pairs.center, pairs.neighbor, pairs.shift)
    assert_array_equal(ours, listed(i, j, shift))


@pytest.mark.parametrize("radius", [2.9, 5.1])
@pytest.mark.parametrize("name", STRUCTURES)
def test_pairs_are_those_of_ase(name, radius):
    assert_as_ase(STRUCTURES[name], radius)


cells = st.lists(st.floats(-4.0, 4.0), min_size=9, max_size=9).map(
    lambda numbers: np.reshape(numbers, (3, 3)) + 4.5 * np.eye(3)
)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    cell=cells.filter(lambda cell: abs(np.linalg.det(cell)) > 20.0),
    pbc=st.tuples(st.booleans(), st.booleans(), st.booleans()),
    seed=st.integers(0, 1000),
)
def test_pairs_are_those_of_ase_in_any_cell(cell, pbc, seed):
    scaled = np.random.default_rng(seed).uniform(-1.5, 1.5, (3, 3))
    atoms = Atoms("H3", scaled_positions=scaled, cell=cell, pbc=pbc)
    if len(near := neighbor_list("d", atoms, 4.0)) and near.min() < 0.2:
        return
    assert_as_ase(atoms, 4.0)


@pytest.mark.parametrize("name", STRUCTURES)
def test_vectors_lead_from_center_to_the_image_meant(name):
    atoms = STRUCTURES[name]
    pairs = find_pairs(atoms, 5.1)
    image = atoms.positions[pairs.neighbor] + pairs.shift @ atoms.cell.array
    assert_allclose(pairs.vector, image - atoms.positions[pairs.center], atol=1e-12)
    assert_allclose(pairs.distance, np.linalg.norm(pairs.vector, axis=1), atol=1e-12)


@pytest.mark.parametrize("name", STRUCTURES)
def test_pairs_are_sorted_by_center_and_distance(name):
    atoms = STRUCTURES[name]
    pairs = find_pairs(atoms, 5.1)
    assert (np.diff(pairs.center) >= 0).all()
    same_center = np.diff(pairs.center) == 0
    assert (np.diff(pairs.distance)[same_center] >= 0.0).all()
    assert pairs.first_pair.tolist() == [
        int((pairs.center < atom).sum()) for atom in range(len(atoms) + 1)
    ]


@pytest.mark.parametrize("radius", [3.6, 3.6 * np.sqrt(0.5), 3.6 * np.sqrt(1.5), 7.2])
@pytest.mark.parametrize("seed", range(4))
def test_pairs_exactly_at_the_radius_are_seen_from_both_sides_or_from_none(radius, seed):
    atoms = bulk("Cu", a=3.6).repeat((2, 1, 1))
    rng = np.random.default_rng(seed)
    atoms.rotate(float(rng.uniform(0, 180)), rng.normal(size=3), rotate_cell=True)
    atoms.positions += rng.normal(size=3)
    pairs = find_pairs(atoms, radius)
    forward = listed(pairs.center, pairs.neighbor, pairs.shift)
    backward = listed(pairs.neighbor, pairs.center, -pairs.shift)
    assert_array_equal(forward, backward)


def test_both_sides_of_a_pair_have_the_same_distance_to_the_bit():
    pairs = find_pairs(STRUCTURES["crystal"], 5.1)
    seen = {
        (i, j, *shift): distance
        for i, j, shift, distance in zip(
            pairs.center, pairs.neighbor, pairs.shift.tolist(), pairs.distance, strict=True
        )
    }
    assert all(seen[j, i, -a, -b, -c] == d for (i, j, a, b, c), d in seen.items())


def test_fcc_has_twelve_and_then_six_neighbors():
    distance = find_pairs(bulk("Cu", a=3.6), 3.7).distance
    assert_allclose(distance, [3.6 / 2**0.5] * 12 + [3.6] * 6)


def test_lone_atom_has_no_pairs():
    pairs = find_pairs(Atoms("He"), 5.0)
    assert len(pairs.center) == 0
    assert pairs.first_pair.tolist() == [0, 0]
    assert pairs.shift.shape == pairs.vector.shape == (0, 3)


def test_atoms_are_not_changed():
    atoms = STRUCTURES["unwrapped"]
    before = atoms.copy()
    find_pairs(atoms, 5.0)
    assert atoms == before


def test_coincident_atoms_are_both_named():
    atoms = Atoms("NaClO", [[0, 0, 0], [1, 1, 1], [1, 1, 1.001]])
    with pytest.raises(
        StructureError, match=r"atoms [12] .* and [12] .* closer than 0.3 Å"
    ) as caught:
        find_pairs(atoms, 3.0)
    assert "1 (Cl)" in str(caught.value)
    assert "2 (O)" in str(caught.value)


def test_atoms_that_coincide_across_the_cell_are_both_named():
    atoms = Atoms("NaCl", [[0, 0, 0], [4, 4, 8]], cell=[4, 4, 4], pbc=True)
    with pytest.raises(StructureError, match=r"0 \(Na\).*1 \(Cl\)|1 \(Cl\).*0 \(Na\)"):
        find_pairs(atoms, 3.0)


def test_atom_that_coincides_with_its_own_image_is_named():
    atoms = Atoms("Na", cell=[4, 4, 0.05], pbc=True)
    with pytest.raises(StructureError, match=r"atom 0 \(Na\) and its own image"):
        find_pairs(atoms, 3.0)
