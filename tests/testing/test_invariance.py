"""The invariance checks find each dependence on the description of a crystal."""

import numpy as np
import pytest
from ase.build import molecule
from ase.neighborlist import neighbor_list

from ase_orbital import ElementalFeatures
from ase_orbital.testing import (
    assert_function_of_the_crystal,
    assert_invariant,
    same_crystals,
)

from ..structures import PEROVSKITE, SLAB, distorted

CRYSTAL = distorted(PEROVSKITE)


def distances(atoms):
    """Sorted distances from each atom to its neighbors."""
    center, length = neighbor_list("id", atoms, 6.0)
    return [np.sort(length[center == atom]) for atom in range(len(atoms))]


@pytest.mark.parametrize("atoms", [CRYSTAL, SLAB, molecule("CH3OH")], ids=str)
def test_each_atom_keeps_its_neighbors(atoms):
    before, expected = atoms.copy(), distances(atoms)
    for change, other, origin in same_crystals(atoms):
        assert (other.numbers == atoms.numbers[origin]).all(), change
        for found, atom in zip(distances(other), origin, strict=True):
            np.testing.assert_allclose(found, expected[atom], atol=1e-9, err_msg=change)
    assert atoms == before


def test_only_a_lattice_has_cells_to_choose():
    of_crystal, of_slab, of_molecule = (
        {change for change, *_ in same_crystals(atoms)}
        for atoms in (CRYSTAL, SLAB, molecule("CH4"))
    )
    assert of_crystal == of_slab
    assert of_crystal - of_molecule == {"choice of cell", "supercell"}


DEPENDENT = {
    "rotation": lambda atoms: atoms.cell.array[0, 0],
    "reflection": lambda atoms: np.linalg.det(atoms.cell.array),
    "translation": lambda atoms: atoms.get_scaled_positions(wrap=False)[0, 0],
    "order of the atoms": lambda atoms: atoms.numbers[-1],
    "choice of cell": lambda atoms: atoms.cell.angles().sum(),
    "supercell": lambda atoms: len(atoms),
}


@pytest.mark.parametrize("change", DEPENDENT)
def test_a_prediction_that_depends_on_the_cell_is_refused(change):
    def predict(atoms):
        return {"band_gap": float(DEPENDENT[change](atoms))}

    with pytest.raises(AssertionError, match=f"band_gap depends on {change}"):
        assert_function_of_the_crystal(predict, CRYSTAL, tolerance=1e-6)


def test_a_property_of_the_crystal_passes():
    def predict(atoms):
        return {"volume": atoms.get_volume() / len(atoms)}

    assert_function_of_the_crystal(predict, CRYSTAL, tolerance=1e-9)


class OfTheFirst(ElementalFeatures):
    """Gives every atom the features of the first one."""

    def create(self, structure):
        features = super().create(structure)
        return np.tile(features[:1], (len(features), 1))


def test_features_must_follow_their_atoms():
    assert_invariant(ElementalFeatures(), CRYSTAL)
    with pytest.raises(AssertionError, match="depends on order of the atoms"):
        assert_invariant(OfTheFirst(), CRYSTAL)
