"""The shipped phases are valid crystals with the structures they are said to have."""

import re

import numpy as np
import pytest
import spglib
from ase.data import chemical_symbols, covalent_radii

from ase_orbital.neighbors.batch import neighbor_batch
from ase_orbital.search import reference_phases
from ase_orbital.structure import to_atoms_many

PHASES = to_atoms_many(reference_phases())


def test_all_elements_up_to_plutonium_have_a_phase():
    elements = {symbol for atoms in PHASES for symbol in atoms.symbols}
    alone = {atoms.symbols[0] for atoms in PHASES if len(set(atoms.symbols)) == 1}
    assert elements == alone
    # The others have no stable isotope, and no crystal structure that is known well.
    assert {*chemical_symbols[1:95]} - alone == {"At", "Fr", "Ra"}


def test_compounds_are_there_once():
    names = [
        (atoms.symbols.formula.reduce()[0].format("metal"), atoms.info["prototype"])
        for atoms in PHASES
        if len(set(atoms.symbols)) > 1
    ]
    assert len(names) == len(set(names))
    assert {"NaCl", "SrTiO3", "TiO2", "GaAs", "LiZnP", "CsPbI3"} <= dict(names).keys()


@pytest.mark.filterwarnings("ignore:Set OLD_ERROR_HANDLING")  # of spglib
def test_phases_have_the_space_group_of_their_prototype():
    for atoms in PHASES[::7]:
        found = re.match(r"[A-Z0-9]+_[a-z][A-Z]\d+_(\d+)_", atoms.info["prototype"])
        if found:
            cell = (atoms.cell.array, atoms.get_scaled_positions(), atoms.numbers)
            number = spglib.get_symmetry_dataset(cell, symprec=1e-3).number
            assert number == int(found[1]), atoms


def test_atoms_are_as_far_apart_as_bonds_are_long():
    batch = neighbor_batch(PHASES, 3.0, symmetry=False)
    radii = covalent_radii[batch.numbers]
    ratios = np.linalg.norm(batch.vector, axis=1) / (
        radii[batch.center] + radii[batch.neighbor]
    )
    assert ratios.min() > 0.65
