"""Bins of a cell list: every atom is in one, and spheres touch no others."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, fcc111, molecule
from numpy.testing import assert_allclose

from ase_orbital.neighbors.cell_list import (
    DONE,
    FLAT,
    NOT_FINITE,
    bin_atoms,
    bin_runs_around,
    shortened,
)  # fmt: skip

SHEARED = Atoms("Cu", cell=[[2.5, 0, 0], [7.0, 2.5, 0], [-6.0, 9.0, 2.5]], pbc=True) * 2
STRUCTURES = {
    "crystal": bulk("NaCl", "rocksalt", a=5.64) * (3, 2, 1),
    "sheared": SHEARED,
    "slab": fcc111("Cu", (3, 3, 4), vacuum=6.0),
    "molecule": molecule("C60"),
    "atom": Atoms("He"),
}


def binned(atoms):
    return bin_atoms(atoms.positions, np.ascontiguousarray(atoms.cell.array), atoms.pbc)


@pytest.mark.parametrize("name", STRUCTURES)
def test_every_atom_is_in_one_bin(name):
    atoms = STRUCTURES[name]
    status, grid = binned(atoms)
    assert status == DONE
    assert sorted(grid.members) == list(range(len(atoms)))
    assert grid.first[-1] == len(atoms)
    assert len(grid.first) == np.prod(grid.n_bins) + 1


@pytest.mark.parametrize("name", STRUCTURES)
def test_wrapped_positions_differ_by_whole_lattice_vectors(name):
    atoms = STRUCTURES[name]
    _, grid = binned(atoms)
    shifted = grid.positions + grid.wraps @ grid.vectors
    assert_allclose(shifted, atoms.positions, atol=1e-10)
    assert (grid.fractions >= 0.0).all()
    assert (grid.fractions <= 1.0).all()


def test_short_vectors_span_the_lattice():
    cell = np.array([[2.5, 0, 0], [7.0, 2.5, 0], [-6.0, 9.0, 2.5]])
    vectors, steps = shortened(cell, np.ones(3, bool))
    assert_allclose(steps @ cell, vectors, atol=1e-12)
    assert abs(round(np.linalg.det(steps))) == 1
    assert np.linalg.norm(vectors, axis=1).max() < np.linalg.norm(cell, axis=1).max()


@pytest.mark.parametrize("name", STRUCTURES)
def test_bins_around_an_atom_hold_all_within_the_radius(name):
    atoms, radius = STRUCTURES[name], 3.1
    _, grid = binned(atoms)
    seen = set()
    for begin, end, *shift in bin_runs_around(0, radius, grid):
        for member in grid.members[begin:end]:
            image = grid.positions[member] + shift @ grid.vectors
            if np.linalg.norm(image - grid.positions[0]) <= radius:
                seen.add((int(member), *map(int, shift)))
    counts = [range(-2, 3) if periodic else [0] for periodic in atoms.pbc]
    expected = {
        (j, a, b, c)
        for j in range(len(atoms)) for a in counts[0] for b in counts[1] for c in counts[2]
        if np.linalg.norm(
            grid.positions[j] + [a, b, c] @ grid.vectors - grid.positions[0]
        ) <= radius
    }  # fmt: skip
    assert seen == expected


def test_flat_cells_and_infinite_positions_have_no_bins():
    assert binned(Atoms("H", cell=[[1, 0, 0], [0, 1, 0], [1, 1, 0]], pbc=True))[0] == FLAT
    wrong = Atoms("H", [[0, 0, np.inf]], cell=[3, 3, 3], pbc=True)
    assert binned(wrong)[0] == NOT_FINITE
