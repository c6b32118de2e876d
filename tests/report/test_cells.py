"""Cells are written as numbers that a page can draw."""

import numpy as np
from ase import Atoms
from ase.build import bulk, fcc111

from ase_orbital.report.cells import MOST_ATOMS, cell_of, elements_of


def positions(cell):
    return np.array(cell["fractions"]) @ np.array(cell["cell"])


def test_atoms_are_inside_the_cell_along_periodic_directions():
    atoms = bulk("NaCl", "rocksalt", a=5.64)
    atoms.positions += [20.0, -7.0, 0.5]
    cell = cell_of(atoms)
    assert cell["numbers"] == [11, 17]
    assert np.all(
        (np.array(cell["fractions"]) >= 0.0) & (np.array(cell["fractions"]) <= 1.0)
    )
    atoms.positions = positions(cell)
    assert np.isclose(atoms.get_distance(0, 1, mic=True), 2.82, atol=1e-3)


def test_surfaces_and_molecules_keep_their_positions():
    slab = fcc111("Cu", (1, 1, 2), a=3.6, vacuum=None)
    slab.cell[2] = 0.0
    slab.positions += [0.3, 0.2, -4.0]
    cell = cell_of(slab)
    np.testing.assert_allclose(positions(cell)[:, 2], slab.positions[:, 2], atol=1e-3)
    water = Atoms("OH2", [[0, 0, 0], [0, 0.76, 0.59], [0, -0.76, 0.59]])
    np.testing.assert_allclose(positions(cell_of(water)), water.positions, atol=1e-3)
    assert cell_of(water)["pbc"] == [False] * 3


def test_large_cells_are_left_out():
    assert cell_of(Atoms(f"Cu{MOST_ATOMS + 1}", cell=[50] * 3, pbc=True)) is None


def test_elements_have_symbol_color_and_radius():
    found = elements_of([cell_of(bulk("NaCl", "rocksalt", a=5.64))])
    assert list(found) == [11, 17]
    assert found[17] == {"symbol": "Cl", "color": "#1ff01f", "radius": 1.02}
