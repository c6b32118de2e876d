"""The comparison of forces is right for forces that are known."""

import numpy as np

from .forces import DISPLACEMENTS, N_STRUCTURES, RANDOM, Comparison, structures


def test_structures_are_of_the_composition_and_not_at_rest():
    found = structures("SrTiO3")
    assert list(found)[-1] == RANDOM
    assert len(found) == len(DISPLACEMENTS) + 1
    for every in found.values():
        assert len(every) == N_STRUCTURES
        assert {str(atoms.symbols) for atoms in every} == {"SrTiO3"}


def test_a_row_of_equal_and_of_opposite_forces():
    forces = np.array([[3.0, 0.0, 0.0], [0.0, 0.0, -3.0]])
    equal = Comparison([forces], [forces], [(0.2, 0.1)])
    assert equal.row("x") == "| x | 1 | 1.00 | 0.00 | 1.00 | 2.0 |"
    opposite = Comparison([forces], [-forces], [(0.1, 0.2)])
    assert opposite.row("x") == "| x | 1 | 1.00 | 2.00 | -1.00 | 0.5 |"


def test_rows_count_atoms_and_not_structures():
    one, two = np.eye(3)[:1], np.eye(3)[1:]
    found = Comparison([one, two], [one, -two], [(1.0, 1.0), (1.0, 1.0)])
    assert "| -0.33 |" in found.row("x")
