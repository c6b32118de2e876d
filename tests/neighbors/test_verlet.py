"""Pairs along a path are to the bit those of a new search."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, fcc111
from hypothesis import given, settings
from hypothesis import strategies as st

from ase_orbital.neighbors import surroundings, verlet
from ase_orbital.neighbors.surroundings import survey, survey_many
from ase_orbital.neighbors.verlet import NOTHING, SKIN, VerletLists

RADIUS = 4.0


def crystal():
    return bulk("NaCl", "rocksalt", a=5.6, cubic=True).repeat((2, 2, 1))


def slab():
    return fcc111("Cu", (3, 3, 4), vacuum=6.0)


def cluster():
    atoms = bulk("Cu", cubic=True).repeat(3)
    atoms.pbc = False
    return atoms


def sheared():
    atoms = crystal()
    atoms.cell[1, 0], atoms.cell[2, 0], atoms.cell[2, 1] = 40.0, -17.0, 30.0
    return atoms


@pytest.fixture
def lists(monkeypatch):
    """Empty lists, and how often one was made."""
    made = []
    listed = verlet._listed

    def counted(*arguments):
        made.append(arguments)
        return listed(*arguments)

    new = VerletLists()
    monkeypatch.setattr(surroundings, "_lists", new)
    monkeypatch.setattr(verlet, "_listed", counted)
    return new, made


def assert_as_searched(atoms, *, symmetry=True):
    along = survey(atoms, RADIUS, symmetry=symmetry)
    # In a list of two nothing is taken for a path.
    alone, _ = survey_many([atoms, atoms], RADIUS, "float64")
    for ours, searched in zip(along.pairs, alone.pairs, strict=True):
        np.testing.assert_array_equal(ours, searched)
    if symmetry:
        for ours, searched in zip(along.orbits, alone.orbits, strict=True):
            np.testing.assert_array_equal(ours, searched)


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from([crystal, slab, cluster, sheared]),
    st.floats(0.0, 0.4),
    st.floats(0.0, 0.03),
    st.integers(0, 1000),
)
def test_whatever_moves_pairs_are_those_of_a_search(make, stride, strain, seed):
    atoms, random = make(), np.random.default_rng(seed)
    displaced = 0.0
    for step in range(8):
        if make is not cluster:
            deformed = np.eye(3) + strain * random.uniform(-1.0, 1.0, (3, 3))
            atoms.set_cell(atoms.cell.array @ deformed, scale_atoms=True)
        atoms.positions -= displaced
        displaced = stride * random.uniform(-1.0, 1.0, atoms.positions.shape)
        atoms.positions += displaced
        atoms.positions += random.normal(size=3)  # all at once
        if step == 5:
            atoms.wrap()
        assert_as_searched(atoms)


@pytest.mark.parametrize("make", [crystal, slab, cluster, sheared])
def test_a_perfect_crystal_keeps_the_order_of_its_many_equal_distances(lists, make):
    atoms = make()
    for _ in range(4):
        assert_as_searched(atoms)
        atoms.positions += [0.3, -0.2, 0.1]
    assert len(lists[1]) == 1


def test_one_list_serves_while_atoms_move_little(lists):
    atoms = crystal()
    for seed in range(10):
        assert_as_searched(atoms)
        atoms.rattle(0.003, seed=seed)
    assert len(lists[1]) == 1


def test_no_list_before_a_second_frame_is_near(lists):
    for seed in range(4):
        atoms = crystal()
        atoms.rattle(0.5, seed=seed)
        assert_as_searched(atoms)
    assert lists[1] == []


def test_few_atoms_are_searched(lists):
    atoms = bulk("NaCl", "rocksalt", a=5.6, cubic=True)
    for _ in range(3):
        assert_as_searched(atoms)
    assert lists[1] == []


@pytest.mark.parametrize("share", [0.45, 0.55])
def test_a_list_is_good_for_half_the_skin_of_each_atom(lists, share):
    new, _ = lists
    atoms = crystal()
    for _ in range(2):
        found = new.candidates(atoms, RADIUS)
    # Against each other, so that all together do not move.
    atoms.positions[0, 0] += share * SKIN
    atoms.positions[1, 0] -= share * SKIN
    again = new.candidates(atoms, RADIUS)
    assert (again is found) is (share < 0.5)


def test_a_cell_pressed_beyond_the_skin_is_searched_anew(lists):
    new, _ = lists
    atoms = crystal()
    for _ in range(2):
        found = new.candidates(atoms, RADIUS)
    for factor, kept in ((1.05, True), (0.95, True), (0.85, False)):
        pressed = atoms.copy()
        pressed.set_cell(factor * atoms.cell, scale_atoms=True)
        assert (new.candidates(pressed, RADIUS) is found) is kept


@pytest.mark.usefixtures("lists")
def test_an_atom_that_comes_from_afar_is_seen():
    atoms = Atoms("He36", [(0, 0, 3.0 * at) for at in range(36)])
    for _ in range(3):
        assert_as_searched(atoms)
    atoms.positions[35] = (0, 1.0, 0)
    assert_as_searched(atoms)
    assert survey(atoms, RADIUS).pairs.neighbor[0] == 35


def test_the_last_few_frames_are_kept_only(lists):
    new, _ = lists
    for size in range(40, 80):
        new.candidates(Atoms(f"He{size}", np.eye(3)[[0]] * np.arange(size)[:, None]), 1.0)
    assert len(new._frames) == verlet.REMEMBERED


def test_without_a_radius_there_is_nothing_to_list(lists):
    new, _ = lists
    for _ in range(3):
        assert new.candidates(crystal(), 0.0) is NOTHING
