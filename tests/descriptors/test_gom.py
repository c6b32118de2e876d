"""GOM eigenvalues against the library libfp, closed forms and what must not change them."""

import json
import logging
import pickle

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk, molecule
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from ase_orbital.descriptors.gom import GOM
from ase_orbital.elements import covalent_radii
from ase_orbital.errors import ElementError, SettingError, StructureError
from ase_orbital.testing import (
    assert_invariant,
    compression,
    largest_jump,
    random_structure,
)

from ..structures import RUTILE, SLAB

REFERENCE = [
    "SrTiO3 cubic",
    "NaCl rocksalt primitive",
    "Si diamond primitive",
    "Mg hcp",
    "TiO2 rutile",
    "triclinic, random positions",
]
STRUCTURES = {
    "crystal": RUTILE,
    "one atom": bulk("Cu"),
    "slab": SLAB,
    "molecule": molecule("CH3OH"),
}


# --- Physics


@pytest.mark.parametrize("orbitals", ["s", "sp"])
@pytest.mark.parametrize("name", REFERENCE)
def test_eigenvalues_are_those_of_libfp(shared, name, orbitals):
    text = (shared / "reference/gom_libfp.json").read_text(encoding="utf-8")
    entry = next(entry for entry in json.loads(text)["crystals"] if entry["name"] == name)
    fields = {field: entry[field] for field in ("numbers", "positions", "cell", "pbc")}
    expected = np.array(entry[f"eigenvalues_{orbitals}"])
    gom = GOM(cutoff=entry["cutoff"], orbitals=orbitals, n_eigenvalues=expected.shape[1])
    assert_allclose(gom.create(Atoms(**fields)), expected, rtol=0.0, atol=1e-10)


@given(distance=st.floats(0.5, 5.5))
@settings(max_examples=20, deadline=None, derandomize=True)
def test_dimer_matches_the_closed_form(distance):
    """Two unlike s Gaussians, the far one damped: a 2 x 2 matrix."""
    cutoff = 6.0
    near, far = covalent_radii()[[14, 8]]
    damping = (1 - (distance / cutoff) ** 2) ** 2
    variance = near**2 + far**2
    overlap = (2 * near * far / variance) ** 1.5 * np.exp(-(distance**2) / (2 * variance))
    matrix = [[1.0, damping * overlap], [damping * overlap, damping**2]]
    atoms = Atoms("SiO", [[0, 0, 0], [0, distance, 0]])
    row = GOM(cutoff=cutoff).create(atoms)[0]
    assert_allclose(row, np.linalg.eigvalsh(matrix)[::-1], atol=1e-14)


def test_dimer_of_s_and_p_matches_the_closed_form():
    """Along the bond s and p_z mix; p_x and p_y each see only their like."""
    distance, cutoff, a = 1.6, 6.0, covalent_radii()[6]
    damping = (1 - (distance / cutoff) ** 2) ** 2
    u = distance / a
    s = np.exp(-(u**2) / 4)
    # s-s, s-pz and pz-pz of two like Gaussians; the derivative form of a p orbital.
    ss, sp, pp, perpendicular = s, s * u / 2**0.5, s * (1 - u**2 / 2), s
    d = damping
    sigma = [
        [1.0, 0.0, d * ss, d * -sp],
        [0.0, 1.0, d * sp, d * pp],
        [d * ss, d * sp, d**2, 0.0],
        [d * -sp, d * pp, 0.0, d**2],
    ]
    pi = [[1.0, d * perpendicular], [d * perpendicular, d**2]]
    blocks = [np.linalg.eigvalsh(block) for block in (sigma, pi, pi)]
    atoms = Atoms("C2", [[0, 0, 0], [0, 0, distance]])
    row = GOM(cutoff=cutoff, orbitals="sp").create(atoms)[0]
    assert_allclose(row, np.sort(np.concatenate(blocks))[::-1], atol=1e-13)


@pytest.mark.parametrize("orbitals", ["s", "sp"])
def test_a_damping_exponent_of_one_more_damps_each_row_once_more(orbitals):
    once, more = (
        GOM(cutoff=4.5, orbitals=orbitals, damping_exponent=exponent) for exponent in (2, 3)
    )
    matrix, damped = (gom.matrix(RUTILE, 0) for gom in (once, more))
    left = np.repeat(1.0 - (matrix.distances / 4.5) ** 2, len(orbitals) ** 2)
    assert_allclose(damped.values, left[:, None] * matrix.values * left, atol=1e-14)
    eigenvalues = np.linalg.eigvalsh(damped.values)[::-1]
    assert_allclose(more.create(RUTILE)[0, : len(eigenvalues)], eigenvalues, atol=1e-12)


@pytest.mark.parametrize("orbitals", ["s", "sp"])
def test_matrix_of_an_atom_has_its_eigenvalues_and_neighbors(orbitals):
    gom = GOM(cutoff=4.5, orbitals=orbitals)
    atoms = RUTILE.copy()
    atoms.positions += 30.0  # outside of the cell
    for atom in (0, 3):
        matrix = gom.matrix(atoms, atom)
        eigenvalues = np.linalg.eigvalsh(matrix.values)[::-1]
        features = gom.create(atoms)[atom]
        assert_allclose(features[: len(eigenvalues)], eigenvalues, atol=1e-12)
        assert matrix.numbers[0] == atoms.numbers[atom]
        assert (np.diff(matrix.distances) > -1e-9).all()
        assert_allclose(matrix.values[0, 0], 1.0)
    assert matrix.numbers[1:4].tolist() == [22, 22, 22]  # around O


@pytest.mark.parametrize("atom", [-1, 6])
def test_matrix_of_no_atom_is_refused(atom):
    with pytest.raises(SettingError, match=f"has 6 atoms and no atom {atom}"):
        GOM().matrix(RUTILE, atom)


@pytest.mark.parametrize(("orbitals", "expected"), [("s", [1.0]), ("sp", [1.0] * 4)])
def test_lone_atom_overlaps_only_itself(orbitals, expected):
    assert_allclose(GOM(orbitals=orbitals).create(Atoms("Ar")), [expected], rtol=1e-14)


@pytest.mark.parametrize("name", STRUCTURES)
@pytest.mark.parametrize("orbitals", ["s", "sp"])
def test_overlap_matrix_has_no_negative_eigenvalue(name, orbitals):
    gom = GOM(cutoff=4.5, orbitals=orbitals)
    assert gom.create(STRUCTURES[name]).min() > -1e-12


def test_trace_is_the_sum_of_squared_dampings():
    pairs = 12 * (1 - 3.6**2 / 2 / 16) ** 4 + 6 * (1 - 3.6**2 / 16) ** 4
    row = GOM(cutoff=4.0).create(bulk("Cu", a=3.6))[0]
    assert_allclose(row.sum(), 1.0 + pairs)


def test_eigenvalues_are_continuous_while_an_atom_crosses_the_cutoff():
    gom = GOM(cutoff=4.0, n_eigenvalues=3)
    rows = [
        gom.create(Atoms("CNO", [[0, 0, 0], [0, 0, 1.2], [0, d, 0]]))[0]
        for d in np.linspace(3.9, 4.1, 101)
    ]
    assert np.abs(np.diff(rows, axis=0)).max() < 1e-3


# --- Invariances


@pytest.mark.parametrize("name", STRUCTURES)
@pytest.mark.parametrize("orbitals", ["s", "sp"])
def test_gom_features_are_the_same_for_every_description_of_a_crystal(name, orbitals):
    assert_invariant(GOM(cutoff=4.5, orbitals=orbitals), STRUCTURES[name])


@pytest.mark.parametrize("most", [2, 6, 13, 16, 19, 30])
@pytest.mark.parametrize("orbitals", ["s", "sp"])
def test_crowded_environment_keeps_whole_shells_and_stays_invariant(most, orbitals):
    gom = GOM(max_atoms=most, orbitals=orbitals)
    assert_invariant(gom, bulk("NaCl", "rocksalt", a=5.64))


@pytest.mark.parametrize("most", [2, 6, 30])
@pytest.mark.parametrize("orbitals", ["s", "sp"])
@pytest.mark.parametrize("seed", range(2))
def test_crowded_environments_change_continuously(most, orbitals, seed):
    gom = GOM(cutoff=4.0, max_atoms=most, orbitals=orbitals, n_eigenvalues=4 * most)
    atoms = random_structure(np.random.default_rng(seed), n_atoms=4, volume=6.0)
    jump = largest_jump(gom.create, atoms, path=compression(atoms, seed=seed))
    assert jump < 1e-7


@pytest.mark.parametrize("atoms", [bulk("C"), bulk("Cu", cubic=True)], ids=["C", "Cu"])
def test_crystals_are_compressed_to_the_densest_allowed_without_a_jump(atoms):
    def at(place):
        pressed = atoms.copy()
        volume = 4.0 - 2.9 * place  # Å^3 per atom; up to 256 atoms are within 6 Å at 3.5
        scale = (volume * len(atoms) / atoms.get_volume()) ** (1 / 3)
        pressed.set_cell(atoms.cell.array * scale, scale_atoms=True)
        return pressed

    gom = GOM(n_eigenvalues=66, normalize=True)
    assert len(gom.create(at(0.0))) < len(GOM().create(at(1.0))[0])
    assert largest_jump(gom.create, atoms, path=at) < 1e-7


@pytest.mark.parametrize(("most", "kept"), [(1, 1), (12, 1), (13, 13), (18, 13), (19, 19)])
def test_max_atoms_cuts_between_shells(most, kept):
    """In fcc shells end after 12, 18 and 42 neighbors; the center counts as well."""
    row = GOM(max_atoms=most, n_eigenvalues=60).create(bulk("Cu"))[0]
    assert np.count_nonzero(row) == kept


def test_cut_environment_is_that_of_a_shorter_search():
    cut = GOM(cutoff=6.0, max_atoms=13, n_eigenvalues=13).create(bulk("Cu", a=3.6))
    damping = (1 - 1 / 2) ** 2  # the second shell, at sqrt(2) times the first, is cut
    assert_allclose(cut.sum(), 1.0 + 12 * damping**2)


def test_cut_is_logged_with_the_atom(caplog):
    with caplog.at_level(logging.INFO, logger="ase_orbital"):
        GOM(max_atoms=13).create(bulk("Cu"))
    assert "atom 0" in caplog.text
    assert "nearest 13 are used" in caplog.text


# --- Settings


@pytest.mark.parametrize("orbitals", ["s", "sp"])
def test_number_of_eigenvalues_pads_and_truncates(orbitals):
    full = GOM(cutoff=4.0, orbitals=orbitals).create(RUTILE)
    long = GOM(cutoff=4.0, orbitals=orbitals, n_eigenvalues=400).create(RUTILE)
    short = GOM(cutoff=4.0, orbitals=orbitals, n_eigenvalues=7).create(RUTILE)
    assert long.shape == (6, 400)
    assert_allclose(long[:, : full.shape[1]], full)
    assert not long[:, full.shape[1] :].any()
    assert_allclose(short, full[:, :7])
    assert (np.diff(full, axis=1) <= 1e-14).all()


def test_number_of_features_is_that_of_the_largest_environment():
    atoms = Atoms("OH2", [[0, 0, 0], [0, 0, 0.96], [0, 3.5, 0]])
    rows = GOM(cutoff=3.55).create(atoms)
    assert rows.shape == (3, 3)
    assert np.count_nonzero(rows, axis=1).tolist() == [3, 2, 2]
    assert GOM().n_features is None
    assert GOM(n_eigenvalues=9).n_features == 9


def test_normalized_features_have_norm_one():
    plain = GOM(n_eigenvalues=66).create(RUTILE)
    rows = GOM(n_eigenvalues=66, normalize=True).create(RUTILE)
    assert_allclose(np.linalg.norm(rows, axis=1), 1.0)
    assert_allclose(rows, plain / np.linalg.norm(plain, axis=1, keepdims=True), atol=1e-9)
    assert (rows[np.abs(plain) < 1e-10] == 0.0).all()


@pytest.mark.parametrize("orbitals", ["s", "sp"])
def test_single_precision_is_close(orbitals):
    single = GOM(orbitals=orbitals, dtype="float32").create(RUTILE)
    assert single.dtype == np.float32
    # Elements of n x n matrices are rounded, so eigenvalues change by up to n roundings.
    tolerance = np.finfo(np.float32).eps * single.shape[1]
    assert_allclose(single, GOM(orbitals=orbitals).create(RUTILE), atol=tolerance)


@pytest.mark.parametrize(
    ("dtype", "edge"), [("float32", 1.2988659106070712), ("float64", 1.7759839893262175)]
)
def test_degenerate_eigenvalues_of_a_cube(dtype, edge):
    corners = np.indices((2, 2, 2)).reshape(3, -1).T
    found = GOM(orbitals="sp", cutoff=4.0, dtype=dtype).create(Atoms("H8", edge * corners))
    rounding = np.finfo(dtype).eps * found.shape[1]  # of n x n matrices of numbers up to 1
    # All corners are equivalent.
    assert_allclose(found, found[:1].repeat(8, axis=0), rtol=0.0, atol=rounding)
    damping = np.clip(1.0 - np.square(edge * corners).sum(axis=1) / 4.0**2, 0.0, None) ** 2
    trace = 4.0 * np.square(damping).sum()
    assert_allclose(found.sum(axis=1), trace, rtol=rounding)


# --- Contracts


def test_many_are_described_as_each_alone():
    structures = list(STRUCTURES.values())
    for gom in (
        GOM(),
        GOM(n_eigenvalues=20, normalize=True),
        GOM(orbitals="sp", cutoff=4.0),
    ):
        for rows, atoms in zip(gom.create_many(structures), structures, strict=True):
            assert_allclose(rows, gom.create(atoms), atol=1e-13)


def test_workers_give_the_same_in_the_same_order():
    structures = [*STRUCTURES.values(), Atoms("He")]
    alone = GOM().create_many(structures)
    shared_out = GOM().create_many(iter(structures), workers=2)
    for one, other in zip(alone, shared_out, strict=True):
        assert_allclose(one, other, atol=1e-13)


def test_list_of_one_stays_a_list_and_of_none_is_empty():
    (rows,) = GOM().create_many([RUTILE])
    assert rows.shape[0] == len(RUTILE)
    assert GOM().create_many([]) == []


def test_equal_settings_are_equal_and_travel():
    assert pickle.loads(pickle.dumps(GOM(orbitals="sp"))) == GOM(orbitals="sp")
    assert hash(GOM()) == hash(GOM(cutoff=6.0))
    assert GOM() != GOM(cutoff=5.0)
    assert hash(GOM()) != hash(GOM(cutoff=5.0))
    with pytest.raises(AttributeError):
        GOM().cutoff = 5.0


def test_atoms_and_torch_settings_are_left_alone():
    atoms = RUTILE.copy()
    before, dtype = atoms.copy(), torch.get_default_dtype()
    GOM().create(atoms)
    assert atoms == before
    assert torch.get_default_dtype() == dtype


# --- Errors


def test_element_without_radius_is_named():
    atoms = Atoms("OOg", [[0, 0, 0], [0, 0, 2]])
    with pytest.raises(ElementError, match=r"atom 1 \(Og, Z=118\) has no covalent radius"):
        GOM().create(atoms)


def test_coincident_atoms_are_refused():
    with pytest.raises(StructureError, match=r"0 \(O\).*1 \(O\)|1 \(O\).*0 \(O\)"):
        GOM().create(Atoms("O2"))


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("orbitals", "spd"),
        ("orbitals", "p"),
        ("cutoff", 0.0),
        ("cutoff", -1.0),
        ("cutoff", float("nan")),
        ("cutoff", float("inf")),
        ("cutoff", 1e9),
        ("cutoff", "6"),
        ("max_atoms", 0),
        ("max_atoms", 12.5),
        ("damping_exponent", 0),
        ("n_eigenvalues", 0),
        ("n_eigenvalues", -3),
        ("n_eigenvalues", 2.5),
        ("n_eigenvalues", 10**9),
        ("dtype", "float16"),
        ("dtype", "double precision"),
    ],
)
def test_invalid_setting_is_named(setting, value):
    with pytest.raises(ValueError, match=f"{setting} must be"):
        GOM(**{setting: value})
