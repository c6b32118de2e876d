"""Measured formation energies are converted right, and belong to the right crystals."""

import pytest
from pymatgen.core import Composition
from spglib import get_symmetry_dataset

from .measured import MEASURED, per_atom

SPACE_GROUPS = {
    "NaCl": 225,
    "MgO": 225,
    "CaF2": 225,
    "Li2O": 225,
    "Al2O3": 167,
    "TiO2": 136,
    "ZnS": 216,
    "TiN": 225,
    "GaAs": 216,
}


@pytest.mark.parametrize(
    ("formula", "energy"), [("NaCl", -2.131), ("CaF2", -4.242), ("Al2O3", -3.473)]
)
def test_enthalpies_are_those_of_an_atom(formula, energy):
    assert per_atom(formula) == pytest.approx(energy, abs=1e-3)


@pytest.mark.filterwarnings("ignore:Set OLD_ERROR_HANDLING")  # of spglib
@pytest.mark.parametrize("formula", MEASURED)
def test_crystals_have_the_measured_composition_and_structure(formula):
    make, _ = MEASURED[formula]
    atoms = make()
    assert Composition(atoms.get_chemical_formula()).reduced_formula == formula
    cell = (atoms.cell[:], atoms.get_scaled_positions(), atoms.numbers)
    assert get_symmetry_dataset(cell).number == SPACE_GROUPS[formula]
