"""The gate against what users really hand in: files, pymatgen objects, and broken input."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, fcc111, molecule
from ase.constraints import FixAtoms
from ase.io import write
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from pymatgen.core import DummySpecies, Lattice, Molecule, Structure

from ase_orbital.errors import OrbitalError, StructureError
from ase_orbital.structure import (
    CLOSEST,
    MAX_SWEPT,
    digest,
    to_atoms,
    to_atoms_many,
    validate,
)  # fmt: skip

ROCKSALT = bulk("NaCl", "rocksalt", a=5.64)


def content(atoms):
    return atoms.numbers, atoms.positions, atoms.cell.array, atoms.pbc


def test_atoms_come_back_as_the_same_object_unchanged():
    atoms = ROCKSALT.copy()
    atoms.info["note"] = "mine"
    atoms.set_constraint(FixAtoms([0]))
    before = atoms.copy()
    assert to_atoms(atoms) is atoms
    assert atoms == before
    assert atoms.info == before.info
    assert len(atoms.constraints) == 1


def test_pymatgen_structure_keeps_sites_and_lattice():
    lattice = Lattice.from_parameters(4.0, 5.0, 6.0, 80.0, 95.0, 105.0)
    structure = Structure(lattice, ["Na+", "Cl-"], [[0.1, 0.2, 0.3], [0.6, 0.7, 1.8]])
    atoms = to_atoms(structure)
    assert atoms.get_chemical_symbols() == ["Na", "Cl"]
    assert_allclose(atoms.cell.array, lattice.matrix)
    assert_allclose(atoms.positions, structure.cart_coords)
    assert atoms.pbc.all()


def test_pymatgen_slab_keeps_its_open_direction():
    lattice = Lattice(np.diag([3.0, 3.0, 20.0]), pbc=(True, True, False))
    atoms = to_atoms(Structure(lattice, ["Cu"], [[0.0, 0.0, 0.5]]))
    assert atoms.pbc.tolist() == [True, True, False]


def test_pymatgen_molecule_has_no_cell():
    atoms = to_atoms(Molecule(["C", "O"], [[0, 0, 0], [0, 0, 1.13]]))
    assert str(atoms.symbols) == "CO"
    assert not atoms.pbc.any()
    assert not atoms.cell.array.any()


def test_isotopes_are_their_element():
    assert to_atoms(Structure(Lattice.cubic(3.0), ["D"], [[0, 0, 0]])).numbers == [1]


@pytest.mark.parametrize(
    ("name", "form"), [("a.cif", "cif"), ("POSCAR", "vasp"), ("a.extxyz", "extxyz")]
)
def test_file_gives_the_crystal_that_was_written(tmp_path, name, form):
    write(tmp_path / name, ROCKSALT, format=form)
    atoms = to_atoms(tmp_path / name)
    assert sorted(atoms.symbols) == ["Cl", "Na"]
    assert_allclose(atoms.get_volume(), ROCKSALT.get_volume(), rtol=1e-5)
    assert_allclose(atoms.get_distance(0, 1, mic=True), 2.82, rtol=1e-5)
    assert atoms.pbc.all()


def test_path_may_be_a_string_and_the_last_frame_counts(tmp_path):
    path = tmp_path / "path.extxyz"
    write(path, [bulk("Cu"), bulk("Ag"), bulk("Au")])
    assert str(to_atoms(str(path)).symbols) == "Au"


@pytest.mark.parametrize("name", ["run@2.extxyz", "run@300K.extxyz"])
def test_at_sign_in_a_path_is_part_of_the_name(tmp_path, name):
    write(tmp_path / "plain.extxyz", ROCKSALT)
    (tmp_path / "plain.extxyz").rename(tmp_path / name)
    assert len(to_atoms(tmp_path / name)) == 2


@pytest.mark.parametrize(
    "atoms",
    [fcc111("Cu", (1, 1, 3), vacuum=8.0), molecule("H2O"), Atoms("He"), bulk("Cs")],
    ids=["slab", "molecule", "lone atom", "cesium"],
)
def test_ordinary_structures_pass(atoms):
    assert to_atoms(atoms) is atoms


def test_slab_without_a_third_vector_passes():
    to_atoms(Atoms("C2", [[0, 0, 0], [0, 1.42, 0]], cell=[2.46, 4.26, 0], pbc=[1, 1, 0]))


def test_left_handed_cell_passes():
    atoms = Atoms("Cu", cell=np.diag([2.5, 2.5, -2.5]), pbc=True)
    assert to_atoms(atoms).cell.volume > 0
    assert atoms.cell.handedness == -1


def refuse(structure, *words):
    with pytest.raises(StructureError) as caught:
        to_atoms(structure)
    message = str(caught.value)
    assert all(word in message for word in words), message
    assert isinstance(caught.value, OrbitalError)
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize("empty", [Atoms(), Structure(Lattice.cubic(4.0), [], [])])
def test_empty_structure_is_refused(empty):
    refuse(empty, "no atoms")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_position_that_is_no_number_is_refused_by_atom_and_value(value):
    atoms = ROCKSALT.copy()
    atoms.positions[1, 2] = value
    refuse(atoms, "atom 1 (Cl)", str(value))


@pytest.mark.parametrize("pbc", [True, False])
def test_cell_that_is_not_finite_is_refused(pbc):
    atoms = Atoms("Cu", cell=[[np.nan, 0, 0], [0, 3, 0], [0, 0, 3]], pbc=pbc)
    refuse(atoms, "cell", "nan", "finite")


def test_singular_cell_is_refused():
    cell = [[3.0, 0, 0], [0, 3.0, 0], [3.0, 3.0, 0]]
    refuse(Atoms("Cu", cell=cell, pbc=True), "singular", "[3.0, 3.0, 0.0]")


def test_singular_cell_of_a_slab_is_refused():
    cell = [[3.0, 0, 0], [6.0, 0, 0], [0, 0, 0]]
    refuse(Atoms("Cu", cell=cell, pbc=[True, True, False]), "singular")


def test_periodic_axis_without_a_vector_is_refused():
    refuse(Atoms("Cu", cell=[3.0, 0, 3.0], pbc=True), "cell vector 1", "pbc[1]")


@pytest.mark.parametrize("factor", [10.0, 0.1, 100.0])
@pytest.mark.parametrize(
    "crystal", [bulk("C"), bulk("Cu"), ROCKSALT, bulk("Pb")], ids=lambda a: str(a.symbols)
)
def test_wrong_unit_of_length_is_refused_with_the_volume(crystal, factor):
    atoms = crystal.copy()
    atoms.set_cell(atoms.cell * factor, scale_atoms=True)
    volume = atoms.get_volume() / len(atoms)
    refuse(atoms, "volume per atom", f"{volume:.4g}", "Angstrom")


@pytest.mark.parametrize(
    "structure",
    [
        Atoms("NaX", [[0, 0, 0], [0, 0, 2]]),
        Structure(Lattice.cubic(4.0), ["Na", DummySpecies("X")], [[0, 0, 0], [0, 0, 0.5]]),
        Structure(Lattice.cubic(4.0), ["Na", DummySpecies("Xa")], [[0, 0, 0], [0, 0, 0.5]]),
        Molecule(["Na", DummySpecies("X")], [[0, 0, 0], [0, 0, 2]]),
    ],
    ids=["Atoms", "Structure X", "Structure Xa", "Molecule"],
)
def test_dummy_atom_is_refused_by_index(structure):
    refuse(structure, "1", "no element", "dummy")


@pytest.mark.parametrize("number", [119, 200])
def test_atomic_number_of_no_element_is_refused(number):
    atoms = Atoms("H2", [[0, 0, 0], [0, 0, 1]])
    atoms.numbers[1] = number
    refuse(atoms, "atom 1", str(number))


def test_a_structure_that_cannot_even_be_checked_is_refused():
    atoms = ROCKSALT.copy()
    atoms.arrays["numbers"] = np.array(["Na", "Cl"], dtype=object)
    refuse(atoms, "cannot be checked")


def test_missing_file_is_named(tmp_path):
    refuse(tmp_path / "absent.cif", "no file", "absent.cif")


def test_unknown_format_is_named(tmp_path):
    path = tmp_path / "notes.unheard"
    path.write_text("nothing of interest")
    refuse(path, "no format", "notes.unheard")


def test_damaged_file_says_what_its_reader_met(tmp_path):
    path = tmp_path / "bad.cif"
    path.write_text("no data block here")
    with pytest.raises(StructureError, match=r"bad\.cif cannot be read") as caught:
        to_atoms(path)
    assert caught.value.__cause__ is not None


@pytest.mark.parametrize("value", [None, 3, [ROCKSALT], {"positions": []}])
def test_other_types_are_refused_by_name(value):
    refuse(value, type(value).__name__, "ase.Atoms")


def test_equal_content_has_equal_digest_whatever_else_it_carries():
    other = ROCKSALT.copy()
    other.info["key"] = 1
    other.set_constraint(FixAtoms([0]))
    other.set_initial_magnetic_moments([1.0, -1.0])
    assert digest(other) == digest(ROCKSALT)


def test_digest_survives_a_file_of_full_precision(tmp_path):
    write(tmp_path / "a.traj", ROCKSALT)
    assert digest(to_atoms(tmp_path / "a.traj")) == digest(ROCKSALT)


@pytest.mark.parametrize("change", ["numbers", "positions", "cell", "pbc", "order"])
def test_digest_tells_content_apart(change):
    other = ROCKSALT.copy()
    if change == "numbers":
        other.numbers[0] = 19
    elif change == "positions":
        other.positions[0, 0] += 1e-12
    elif change == "cell":
        other.cell[0, 0] += 1e-12
    elif change == "pbc":
        other.pbc[2] = False
    else:
        other = other[::-1]
    assert digest(other) != digest(ROCKSALT)


def test_digest_does_not_change_the_atoms():
    before = [array.copy() for array in content(ROCKSALT)]
    digest(ROCKSALT)
    for now, then in zip(content(ROCKSALT), before, strict=True):
        assert_array_equal(now, then)


@pytest.mark.parametrize(
    "place",
    [[0.0, 0.0, 0.02], [4.0, -4.0, 0.02], [-0.02, 3.99, 8.01]],
    ids=["in the cell", "in another cell", "across its faces"],
)
def test_atoms_at_one_place_are_both_named(place):
    atoms = Atoms("NaCl", [[0, 0, 0], place], cell=[4, 4, 4], pbc=True)
    refuse(atoms, "atoms 0 (Na) and 1 (Cl) are closer")


def test_atoms_at_one_place_are_found_in_a_skewed_cell():
    cell = [[3, 0, 0], [30, 3, 0], [0, 40, 3]]
    atoms = Atoms("NaCl", [[0, 0, 0], [2.97, 0.02, 0.0]], cell=cell, pbc=True)
    with pytest.raises(StructureError, match=r"atoms 0 \(Na\) and 1 \(Cl\)"):
        to_atoms(atoms)


def test_atoms_an_open_cell_apart_are_not_at_one_place():
    slab = Atoms("Na2", [[0, 0, 0], [0, 0, 4]], cell=[4, 4, 4], pbc=[True, True, False])
    assert to_atoms(slab) is slab


def test_the_bad_one_of_many_is_named():
    good, bad = Atoms("He"), Atoms("He", [[np.nan, 0, 0]])
    with pytest.raises(StructureError) as caught:
        to_atoms_many([good, bad])
    assert caught.value.__notes__ == ["this is structure 1 of the list"]


@pytest.mark.parametrize("far", [2e5, 1e12, 1e308])
@pytest.mark.parametrize("pbc", [False, True])
def test_atoms_absurdly_far_away_are_named(far, pbc):
    atoms = Atoms("Cu2", [[0, 0, 0], [far, 1, 0]], cell=[5, 5, 5], pbc=pbc)
    refuse(atoms, "atom 1 (Cu) is at")


def test_slabs_and_molecules_in_nanometers_are_refused():
    slab = fcc111("Cu", (1, 1, 4), vacuum=8.0)
    for atoms in (slab, molecule("C60")):
        atoms.set_cell(0.1 * atoms.cell.array, scale_atoms=False)
        atoms.positions *= 0.1
        refuse(atoms, "in Angstrom")


def test_a_folder_is_no_file(tmp_path):
    refuse(tmp_path, "is a folder")


def test_one_structure_is_no_list():
    for one in ("crystal.cif", Atoms("He")):
        with pytest.raises(StructureError, match="this takes a list"):
            to_atoms_many(one)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 2**16),
    n=st.integers(1, 12),
    apart=st.floats(0.2, 0.4).filter(lambda d: abs(d - CLOSEST) > 1e-9),
    scale=st.floats(0.6, 1.4),
)
def test_the_compiled_check_agrees_with_the_thorough_one(seed, n, apart, scale):
    """With one atom a given length away from another, often through a face of the cell."""
    random = np.random.default_rng(seed)
    cell = scale * (np.eye(3) + 0.4 * random.uniform(-1, 1, (3, 3))) * (10.0 * n) ** (1 / 3)
    fractions = random.random((n, 3))
    fractions[0, random.integers(3)] = random.choice([0.0, 1e-12, 1.0 - 1e-12])
    positions = fractions @ cell
    step = random.normal(size=3)
    near = positions[0] + apart * step / np.linalg.norm(step)
    near += random.integers(-1, 2, 3) @ cell
    atoms = Atoms(f"He{n + 1}", [*positions, near], cell=cell, pbc=True)

    def refused():
        try:
            validate(atoms)
        except StructureError as error:
            return str(error)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ase_orbital.structure._is_sound", lambda *_: False)
        thorough = refused()
    assert refused() == thorough


@pytest.mark.parametrize("repeats", [6, 7])  # below and above MAX_SWEPT
def test_two_atoms_at_one_place_are_found_in_large_crystals(repeats):
    atoms = bulk("NaCl", "rocksalt", a=5.64, cubic=True).repeat(repeats)
    assert (len(atoms) > MAX_SWEPT) is (repeats == 7)
    validate(atoms)
    atoms.positions[-1] = atoms.positions[17] + [0.1, 0.0, 0.0]
    with pytest.raises(StructureError, match="closer than"):
        validate(atoms)


@pytest.mark.parametrize("structures", [3, None], ids=repr)
def test_what_is_no_list_is_explained(structures):
    with pytest.raises(StructureError, match="is no list of structures"):
        to_atoms_many(structures)


def test_one_structure_of_pymatgen_is_no_list():
    with pytest.raises(StructureError, match="is one structure or file"):
        to_atoms_many(Structure(Lattice.cubic(3.6), ["Cu"], [[0, 0, 0]]))
