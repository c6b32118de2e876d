"""Structures above their minimum, and the random candidates among them."""

import sys
from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk
from ase.data import covalent_radii
from ase.neighborlist import neighbor_list
from pymatgen.core import Composition

from ase_orbital import Predictor
from ase_orbital.properties import FORMATION_ENERGY, RELAXATION_ENERGY

PRETRAINED = Path(__file__).parents[2] / "pretrained"
CRYSTALS = [
    bulk("KCl", "rocksalt", a=6.3),
    bulk("MgO", "rocksalt", a=4.25),  # whose candidates are looked at
    bulk("CsPo", "cesiumchloride", a=4.0),  # of an element that is not known
    bulk("InP", "zincblende", a=5.9),
]


def closest(atoms):
    """Distance over the sum of covalent radii, of the closest pair."""
    first, second, distances = neighbor_list("ijd", atoms, 5.0)
    radii = covalent_radii[atoms.numbers]
    return min(distances / (radii[first] + radii[second]))


@pytest.fixture(scope="module")
def pretrained():
    sys.path.insert(0, str(PRETRAINED))
    try:
        import above_minimum
        import candidates
    finally:
        sys.path.pop(0)
    yield above_minimum, candidates
    names = "above_minimum candidates distorted potentials recipes data_sets"
    for name in names.split():
        sys.modules.pop(name, None)


@pytest.fixture(scope="module")
def made(pretrained, tmp_path_factory):
    above, _ = pretrained
    for atoms in CRYSTALS:
        atoms.info["id"] = str(atoms.symbols)
    path = tmp_path_factory.mktemp("runs") / "new" / "some.extxyz"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(above, "EVERY", 1)
        found = above.above_minimum(CRYSTALS, path)
        patch.setattr(above, "make", None)  # the file is enough from now on
        assert above.above_minimum([], path) == found
    return found


def test_energies_are_above_those_of_the_crystal(made):
    predictor = Predictor("eosnet-formation-energy-mp2018", device="cpu")
    own = {
        at.info["id"]: predictor.predict(at)[FORMATION_ENERGY]
        for at in CRYSTALS
        if "Po" not in at.symbols
    }
    for atoms in made:
        energy = predictor.predict(atoms)[FORMATION_ENERGY] - own[atoms.info["group"]]
        assert atoms.info[RELAXATION_ENERGY] == pytest.approx(max(energy, 0.0), abs=1e-4)


def test_unknown_elements_are_left_out(made):
    assert {atoms.info["group"] for atoms in made} == {"KCl", "MgO", "InP"}


def test_candidates_have_the_elements_but_not_the_structure(made, pretrained):
    above, _ = pretrained
    cells = {name: len(atoms) for name, atoms in zip("KMCI", CRYSTALS, strict=True)}
    found = [at for at in made if len(at) > cells[at.info["group"][0]]]
    assert {at.info["group"] for at in found} == {"KCl", "InP"}  # not MgO
    for atoms in found:
        formula = Composition(atoms.get_chemical_formula()).reduced_formula
        assert formula == atoms.info["group"]
        assert formula not in above.LOOKED_AT
        assert closest(atoms) > 0.59
        assert atoms.info[RELAXATION_ENERGY] > 0.2


def test_candidates_that_are_looked_at_are_random_and_physical(pretrained, monkeypatch):
    _, candidates = pretrained
    monkeypatch.setattr(candidates, "N_LOOSE", 10)
    monkeypatch.setattr(candidates, "N_DENSE", 3)
    found = candidates.looked_at.__wrapped__()  # the cache would keep these
    assert len(found) == 25
    volumes = [atoms.get_volume() / len(atoms) for atoms in found[10:]]
    assert volumes == pytest.approx(np.full(15, candidates.VOLUME), rel=1e-3)
    assert min(map(closest, found)) > 0.59
    assert len({round(closest(atoms), 6) for atoms in found}) == 25  # none is made twice


def test_copies_whose_atoms_are_too_close_are_not_physical(pretrained):
    above, _ = pretrained
    random, found = np.random.default_rng(0), []
    for std in (0.1, 0.5, 1.0):
        for _ in range(10):
            atoms = bulk("InP", "zincblende", a=5.9, cubic=True)
            atoms.rattle(std, rng=random)
            found.append(above.is_physical(atoms))
            assert found[-1] == (closest(atoms) > 0.6)
    assert 0 < sum(found) < len(found)
    atoms.positions[1] = atoms.positions[0]
    assert not above.is_physical(atoms)
