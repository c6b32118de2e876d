"""Pairs along a path are to the bit those of a new search."""

import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, fcc111
from hypothesis import given, settings
from hypothesis import strategies as st

from ase_orbital.errors import StructureError
from ase_orbital.neighbors import batch as surroundings
from ase_orbital.neighbors import verlet
from ase_orbital.neighbors.batch import survey
from ase_orbital.neighbors.pairs import find_pairs
from ase_orbital.neighbors.verlet import NO_CANDIDATES, SKIN, VerletLists

RADIUS = 4.0


class Searches:
    """In place of the lists: there never is one."""

    def candidates(self, *_):
        return NO_CANDIDATES


def crystal():
    return bulk("NaCl", "rocksalt", a=5.6, cubic=True).repeat((2, 2, 1))


def primitive():
    """A cell whose short vectors are others with every strain."""
    return bulk("Cu").repeat((3, 4, 3))


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


KINDS = [crystal, primitive, slab, cluster, sheared]


@pytest.fixture
def lists(monkeypatch):
    """Empty lists, and the structures one was made for."""
    made = []

    def listed(atoms, radius):
        made.append(atoms)
        return find_pairs(atoms, radius)

    new = VerletLists()
    monkeypatch.setattr(surroundings, "_lists", new)
    monkeypatch.setattr(verlet, "find_pairs", listed)
    return new, made


def assert_as_searched(atoms):
    along = survey(atoms, RADIUS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(surroundings, "_lists", Searches())
        alone = survey(atoms, RADIUS)
    for ours, searched in zip(
        [*along.pairs, *along.orbits], [*alone.pairs, *alone.orbits], strict=True
    ):
        np.testing.assert_array_equal(ours, searched)


@settings(max_examples=50, deadline=None)
@given(
    st.sampled_from(KINDS),
    st.floats(0.0, 0.4),
    st.floats(0.0, 0.03),
    st.integers(0, 1000),
)
def test_whatever_moves_pairs_are_those_of_a_search(make, stride, strain, seed):
    atoms, random = make(), np.random.default_rng(seed)
    displaced = 0.0
    for step in range(8):
        if atoms.pbc.all():
            deformed = np.eye(3) + strain * random.uniform(-1.0, 1.0, (3, 3))
            atoms.set_cell(atoms.cell.array @ deformed, scale_atoms=True)
        atoms.positions -= displaced
        displaced = stride * random.uniform(-1.0, 1.0, atoms.positions.shape)
        atoms.positions += displaced
        atoms.positions += random.normal(size=3)  # all at once
        if step == 5:
            atoms.wrap()
        assert_as_searched(atoms)


@pytest.mark.parametrize("make", KINDS)
def test_a_perfect_crystal_keeps_the_order_of_its_many_equal_distances(lists, make):
    atoms = make()
    for _ in range(4):
        assert_as_searched(atoms)
        atoms.positions += [0.3, -0.2, 0.1]
    assert len(lists[1]) == 1


@pytest.mark.parametrize("make", KINDS)
def test_one_list_serves_while_atoms_move_little(lists, make):
    atoms = make()
    for seed in range(10):
        assert_as_searched(atoms)
        atoms.rattle(0.003, seed=seed)
    assert len(lists[1]) == 1


@pytest.mark.parametrize("make", [crystal, primitive, sheared])
def test_one_list_serves_while_the_cell_relaxes_or_turns(lists, make):
    atoms, random = make(), np.random.default_rng(0)
    for _ in range(6):
        assert_as_searched(atoms)
        strain = np.eye(3) + 1e-3 * random.normal(size=(3, 3))
        atoms.set_cell(atoms.cell.array @ strain, scale_atoms=True)
        atoms.rotate(0.5, "z", rotate_cell=True)
    assert len(lists[1]) == 1


def test_no_list_before_a_second_frame_is_near(lists):
    for seed in range(4):
        atoms = crystal()
        atoms.rattle(0.5, seed=seed)
        assert_as_searched(atoms)
    assert lists[1] == []


def test_a_structure_asked_for_again_is_no_path(lists):
    for _ in range(3):
        assert_as_searched(crystal())
    assert lists[1] == []


@pytest.mark.parametrize("limit", ["FEWEST", "MOST"])
def test_few_atoms_and_many_are_searched(lists, monkeypatch, limit):
    atoms = crystal()
    monkeypatch.setattr(verlet, limit, len(atoms) + (1 if limit == "FEWEST" else -1))
    for seed in range(3):
        assert_as_searched(atoms)
        atoms.rattle(0.003, seed=seed)
    assert lists[1] == []


@pytest.mark.parametrize("share", [0.45, 0.55])
def test_a_list_is_good_for_half_the_skin_of_each_atom(lists, share):
    new, _ = lists
    atoms = crystal()
    for _ in range(2):
        found = new.candidates(atoms, RADIUS)
        atoms.positions += 0.1  # all at once
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
        atoms.positions += 0.1  # all at once
    for factor, kept in ((1.05, True), (0.95, True), (0.85, False)):
        pressed = atoms.copy()
        pressed.set_cell(factor * atoms.cell, scale_atoms=True)
        assert (new.candidates(pressed, RADIUS) is found) is kept


@pytest.mark.usefixtures("lists")
def test_an_atom_that_comes_from_afar_is_seen():
    atoms = Atoms("He36", [(0, 0, 3.0 * at) for at in range(36)])
    for _ in range(3):
        assert_as_searched(atoms)
        atoms.positions[:, 0] += 0.01
    atoms.positions[35] = (0, 1.0, 0)
    assert_as_searched(atoms)
    assert survey(atoms, RADIUS).pairs.neighbor[0] == 35


@pytest.mark.usefixtures("lists")
@pytest.mark.parametrize("entry", [0.0, np.nan])
def test_a_refused_frame_leaves_those_after_it_as_they_are(entry):
    broken = crystal()
    broken.cell[2] = entry
    for _ in range(2):
        with pytest.raises(StructureError, match="must span a volume"):
            survey(broken, RADIUS)
        assert_as_searched(crystal())


def chain(size):
    return Atoms(f"He{size}", np.eye(3)[[0]] * np.arange(size)[:, None])


def test_the_last_few_frames_are_kept_only(lists):
    new, _ = lists
    for size in range(40, 80):
        new.candidates(chain(size), 1.0)
    assert len(new._frames) == verlet.REMEMBERED


def test_threads_may_share_the_lists(lists):
    new, _ = lists

    def ask(seed):
        for size in np.random.default_rng(seed).integers(40, 80, 300):
            new.candidates(chain(size), 1.0)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(ask, range(8)))
    finally:
        sys.setswitchinterval(interval)
    assert len(new._frames) <= 2 * verlet.REMEMBERED  # and the next call tidies up


def test_without_a_radius_there_is_nothing_to_list(lists):
    new, _ = lists
    assert new.candidates(crystal(), 0.0) is NO_CANDIDATES
    assert not new._frames
