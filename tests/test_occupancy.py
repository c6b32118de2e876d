"""Site occupancies in files and structures: read, or refused for their structure alone."""

import numpy as np
import pytest
from ase.build import bulk
from ase.io import read
from pymatgen.core import Lattice, Structure

from ase_orbital.errors import StructureError
from ase_orbital.structure import to_atoms

ROCKSALT = bulk("NaCl", "rocksalt", a=5.64)
DISORDERED_CIF = """\
data_alloy
_cell_length_a 4
_cell_length_b 4
_cell_length_c 4
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_symmetry_space_group_name_H-M 'P 1'
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_occupancy
Cl1 Cl 0.5 0.5 0.5 1.0
Cu1 Cu 0.0 0.0 0.0 {copper}
{second}
"""


def refuse(structure, *words):
    with pytest.raises(StructureError) as caught:
        to_atoms(structure)
    message = str(caught.value)
    assert all(word in message for word in words), message


@pytest.mark.parametrize(
    ("copper", "second", "words"),
    [(0.75, "Au1 Au 0.0 0.0 0.0 0.25", ("Cu 0.75", "Au 0.25")), (0.5, "", ("Cu 0.5",))],
    ids=["two species", "vacancies"],
)
def test_partial_occupancy_in_a_cif_is_refused_by_atom(tmp_path, copper, second, words):
    path = tmp_path / "alloy.cif"
    path.write_text(DISORDERED_CIF.format(copper=copper, second=second))
    refuse(path, "partially occupied", "atom 1", *words)


def test_full_occupancy_in_a_cif_passes(tmp_path):
    path = tmp_path / "ordered.cif"
    path.write_text(DISORDERED_CIF.format(copper=1.0, second=""))
    assert str(to_atoms(path).symbols) == "ClCu"


def test_structure_made_ordered_passes_once_the_note_is_gone(tmp_path):
    path = tmp_path / "alloy.cif"
    path.write_text(DISORDERED_CIF.format(copper=0.75, second="Au1 Au 0.0 0.0 0.0 0.25"))
    atoms = read(path)
    refuse(atoms, "delete atoms.info['occupancy']")
    del atoms.info["occupancy"]
    assert to_atoms(atoms) is atoms


@pytest.mark.parametrize("share", [".", "1.0(2)", "1"])
def test_an_occupancy_that_is_left_to_its_default_passes(tmp_path, share):
    path = tmp_path / "ordered.cif"
    path.write_text(DISORDERED_CIF.format(copper=share, second=""))
    assert str(to_atoms(path).symbols) == "ClCu"


@pytest.mark.parametrize("share", ["?", "A", "half"])
def test_an_unknown_occupancy_in_a_cif_is_refused_by_atom(tmp_path, share):
    path = tmp_path / "unknown.cif"
    path.write_text(DISORDERED_CIF.format(copper=share, second=""))
    refuse(path, "atom 1", "unknown occupancy", f"Cu {share}")


@pytest.mark.parametrize("share", [None, "1.0", 1, np.float32(1)], ids=repr)
def test_an_occupancy_of_one_passes_in_any_form(share):
    atoms = ROCKSALT.copy()
    atoms.info["occupancy"] = {"first": {"Na": share}}
    assert to_atoms(atoms) is atoms


@pytest.mark.parametrize("site", ["0.0 0.0 0.0", "0.25 0.25 0.25"])
def test_one_element_with_two_charges_passes_in_a_cif(tmp_path, site):
    path, ions = tmp_path / "ions.cif", "Fe1 Fe2+ {0} 0.4\nFe2 Fe3+ {0} 0.6"
    path.write_text(cif_of(ions.format(site)))
    assert str(to_atoms(path).symbols) == "ClFe"


THREE_IONS = "Mn1 Mn2+ {0} 0.333\nMn2 Mn3+ {0} 0.333\nMn3 Mn4+ 0.0 0.0 {1} {2}"


def cif_of(ions):
    text = DISORDERED_CIF.format(copper=1.0, second=ions)
    return text.replace("Cu1 Cu 0.0 0.0 0.0 1.0\n", "")


@pytest.mark.parametrize("height", ["0.0", "1.0"], ids=["here", "a lattice vector away"])
def test_three_ions_of_one_element_on_one_site_pass(tmp_path, height):
    path = tmp_path / "ions.cif"
    path.write_text(cif_of(THREE_IONS.format("0.0 0.0 0.0", height, 0.333)))
    assert str(to_atoms(path).symbols) == "ClMn"


def test_three_ions_that_do_not_fill_their_site_are_refused_with_its_occupancy(tmp_path):
    path = tmp_path / "ions.cif"
    path.write_text(cif_of(THREE_IONS.format("0.0 0.0 0.0", "0.0", 0.2)))
    refuse(path, "partially occupied", "Mn 0.866")
    mixed = "Mn1 Mn2+ 0 0 0 0.3\nMn2 Mn3+ 0 0 0 0.3\nMg1 Mg 0 0 0 0.4"
    path.write_text(cif_of(mixed))
    refuse(path, "partially occupied", "Mn 0.6", "Mg 0.4")


def test_three_ions_in_atoms_that_ase_has_read_are_refused_with_the_way_out(tmp_path):
    path = tmp_path / "ions.cif"
    path.write_text(cif_of(THREE_IONS.format("0.0 0.0 0.0", "0.0", 0.333)))
    refuse(read(path), "partially occupied", "give the path of the CIF")


def test_a_full_site_that_is_written_twice_passes(tmp_path):
    path = tmp_path / "twice.cif"
    path.write_text(DISORDERED_CIF.format(copper=1.0, second="Cu2 Cu 0.0 0.0 0.0 1.0"))
    assert str(to_atoms(path).symbols) == "ClCu"


@pytest.mark.parametrize(
    "ions",
    [
        "Fe1 Fe2+ 0.0 0.0 0.0 0.4\nFe2 Fe3+ 0.0 0.0 0.0 0.5",
        "Fe1 Fe2+ 0.0 0.0 0.0 0.4\nFe2 Fe3+ 0.0 0.0 0.5 0.6",
        "Fe1 Fe2+ 0.0 0.0 0.0 0.4\nCo1 Co3+ 0.0 0.0 0.0 0.6",
    ],
    ids=["vacancies", "two sites", "two elements"],
)
def test_charges_that_do_not_fill_a_site_are_refused(tmp_path, ions):
    path = tmp_path / "ions.cif"
    path.write_text(cif_of(ions))
    refuse(path, "partially occupied", "Fe")


def test_one_element_with_two_charges_passes_in_pymatgen():
    mixed = {"Fe2+": 0.5, "Fe3+": 0.5}
    structure = Structure(Lattice.cubic(4.0), ["O2-", mixed], [[0, 0, 0], [0.5, 0.5, 0.5]])
    assert str(to_atoms(structure).symbols) == "OFe"


@pytest.mark.parametrize(
    "note", [1.0, [1.0, 0.5], "full", {"0": 0.5}, {"0": {"d": "x"}}], ids=repr
)
def test_other_uses_of_the_word_occupancy_are_left_alone(note):
    atoms = ROCKSALT.copy()
    atoms.info["occupancy"] = note
    assert to_atoms(atoms) is atoms


@pytest.mark.parametrize("species", [{"Cu": 0.75, "Au": 0.25}, {"Cu": 0.5}])
def test_partial_occupancy_in_pymatgen_is_refused_by_site(species):
    structure = Structure(Lattice.cubic(4.0), ["Cl", species], [[0, 0, 0], [0.5, 0.5, 0.5]])
    refuse(structure, "site 1", "partially occupied", "Cu")


@pytest.mark.parametrize(("other", "refused"), [("2", True), ("1", False), (".", False)])
def test_alternative_groups_of_atoms_without_occupancies_are_refused(
    tmp_path, other, refused
):
    text = DISORDERED_CIF.replace("_atom_site_occupancy", "_atom_site_disorder_group")
    text = text.replace(" 1.0\n", " .\n").format(copper=1, second=f"Au1 Au 0 0 0.4 {other}")
    path = tmp_path / "alternatives.cif"
    path.write_text(text)
    if refused:
        refuse(path, "site 1 (atom 1) has an unknown occupancy (Cu ?)")
    else:
        assert str(to_atoms(path).symbols) == "ClCuAu"
