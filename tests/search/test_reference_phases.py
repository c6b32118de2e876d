"""The shipped phases are valid crystals, and those that their script makes."""

import csv
import re
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import pytest
import spglib
from ase.data import chemical_symbols, covalent_radii
from ase.formula import Formula
from ase.io import read

from ase_orbital.neighbors.batch import neighbor_batch
from ase_orbital.search import reference_phases
from ase_orbital.search.reference_phases import COMPOUNDS, FILE
from ase_orbital.structure import to_atoms_many

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data"
PHASES = to_atoms_many(reference_phases())


@pytest.fixture(scope="module")
def script():
    """What rebuilds the phases."""
    spec = spec_from_file_location("rebuilt", ROOT / "pretrained" / "reference_phases.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def rows_of(path):
    with path.open(newline="") as file:
        return {
            (prototype, symbols): float(at) for prototype, symbols, at in csv.reader(file)
        }


def test_the_script_makes_the_elements_and_prototypes(script):
    shipped = read(FILE, ":")
    made = script.element_phases()
    names = [atoms.info["prototype"] for atoms in shipped[len(made) :]]
    made += map(script.as_atoms, names)
    assert len(made) == len(shipped)
    for one, other in zip(made, shipped, strict=True):
        np.testing.assert_array_equal(one.numbers, other.numbers)
        np.testing.assert_allclose(one.cell.array, other.cell.array, atol=1e-6)
        np.testing.assert_allclose(one.positions, other.positions, atol=1e-5)


def test_compounds_that_are_given_are_shipped(script):
    shipped = rows_of(COMPOUNDS)
    for name, volume in rows_of(script.GIVEN).items():
        assert shipped[name] == pytest.approx(volume, abs=1e-4)


@pytest.mark.slow
@pytest.mark.skipif(not DATA.is_dir(), reason="needs the data files")
@pytest.mark.filterwarnings("ignore")  # of pymatgen and spglib
def test_the_script_makes_the_compounds_from_the_data(script):
    elements = {"Ba", "Li", "Mg", "Ni", "O", "Si", "Ti"}
    crystals = [
        atoms for atoms in script.read_crystals(DATA) if set(atoms.symbols) <= elements
    ]
    compounds = script.all_compounds(crystals, elements)
    made = {(at.prototype, "-".join(at.elements)): at.volume for at in compounds}
    own = {name: at for name, at in made.items() if {*name[1].split("-")} <= elements}
    shipped = {
        name: at
        for name, at in rows_of(COMPOUNDS).items()
        if {*name[1].split("-")} <= elements
    }
    (names, volumes), (expected, known) = map(unordered, (own, shipped))
    assert names == expected
    assert volumes == pytest.approx(known, abs=1e-4)
    assert len(own) > 20


def unordered(phases):
    """Names and volumes; rounding decides the order of sites that can be exchanged."""
    found = sorted(
        ((prototype, *sorted(elements.split("-"))), volume)
        for (prototype, elements), volume in phases.items()
    )
    return zip(*found, strict=True)


@pytest.mark.parametrize(
    ("formula", "number"),
    [
        ("Li2O", 225),
        ("Rb2O", 225),
        ("CaS", 225),
        ("ZrN", 225),
        ("CsI", 221),
        ("TlBr", 221),
        ("CuI", 216),
        ("FeF2", 136),
        ("NiAs", 194),
        ("TiS2", 164),
        ("MgB2", 191),
        ("CaB6", 221),
        ("FeSe", 129),
        ("MgCu2", 227),
        ("MgZn2", 194),
        ("ScF3", 221),
        ("MgCO3", 167),
    ],
)
def test_ground_states_of_textbooks_are_there(formula, number):
    found = {
        int(atoms.info["prototype"].split("_")[2])
        for atoms in PHASES
        if atoms.symbols.formula.reduce()[0].count() == Formula(formula).count()
    }
    assert number in found


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


@pytest.mark.slow
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
