"""Comparators with equal crystals, different crystals, and ase_ga."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, fcc111, make_supercell, molecule
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator
from ase.filters import FrechetCellFilter
from ase.optimize import BFGS
from ase_ga.standard_comparators import EnergyComparator, SequentialComparator

from ase_orbital import GOM
from ase_orbital.errors import ElementError, SettingError, StructureError
from ase_orbital.search import GOMComparator, OFMComparator
from ase_orbital.testing import same_crystals

KINDS = pytest.mark.parametrize("kind", [GOMComparator, OFMComparator])
NAMES = ["perovskite", "one atom", "slab", "wire", "molecule"]

FCC = bulk("Cu", "fcc", a=3.6)
SIDE = 3.6 / np.sqrt(2)
HCP = bulk("Cu", "hcp", a=SIDE, c=SIDE * np.sqrt(8 / 3))
DHCP = Atoms(
    "Cu4",
    scaled_positions=[
        (0, 0, 0),
        (1 / 3, 2 / 3, 1 / 4),
        (0, 0, 1 / 2),
        (2 / 3, 1 / 3, 3 / 4),
    ],
    cell=[SIDE, SIDE, 2 * SIDE * np.sqrt(8 / 3), 90, 90, 120],
    pbc=True,
)


def relaxed(atoms, seed):
    """Displaced and relaxed again, with a usual criterion of convergence."""
    random = np.random.default_rng(seed)
    atoms = atoms.copy()
    atoms.set_cell(
        atoms.cell.array @ (np.eye(3) + random.normal(0, 0.03, (3, 3))), scale_atoms=True
    )
    atoms.positions += random.normal(0, 0.15, atoms.positions.shape)
    atoms.calc = EMT()
    BFGS(FrechetCellFilter(atoms), logfile=None).run(fmax=0.05, steps=200)
    return atoms


@KINDS
@pytest.mark.parametrize("name", NAMES)
def test_a_crystal_looks_like_all_its_representations(kind, structures, name):
    comparator = kind(tolerance=1e-5)
    for change, other, _ in same_crystals(structures[name]):
        assert comparator.looks_like(structures[name], other), change


@KINDS
def test_primitive_conventional_and_odd_supercells_are_one_crystal(kind):
    comparator = kind(tolerance=1e-5)
    primitive = bulk("NaCl", "rocksalt", a=5.64)
    cells = [
        bulk("NaCl", "rocksalt", a=5.64, cubic=True),
        primitive * (3, 1, 1),
        make_supercell(primitive, [[2, 1, 0], [0, 1, 1], [-1, 0, 2]]),
    ]
    for one in [primitive, *cells]:
        for other in cells:
            assert comparator.looks_like(one, other)


@KINDS
def test_relaxations_into_one_minimum_look_alike(kind):
    ordered = bulk("Cu", a=3.85, cubic=True)
    ordered.symbols[:2] = "Au"
    ends = [relaxed(ordered, seed) for seed in range(4)]
    comparator = kind()
    assert all(comparator.looks_like(ends[0], end) for end in ends[1:])


@pytest.mark.parametrize("orbitals", ["s", "sp"])
def test_gom_distinguishes_stackings_of_layers(orbitals):
    comparator = GOMComparator(orbitals=orbitals)
    for one, other in [(FCC, HCP), (FCC, DHCP), (HCP, DHCP)]:
        assert not comparator.looks_like(one, other)


def test_ofm_does_not_distinguish_stackings_of_layers():
    assert OFMComparator().difference(FCC, HCP) < 1e-6


@KINDS
def test_different_crystals_do_not_look_alike(kind):
    comparator = kind()
    zincblende = bulk("ZnS", "zincblende", a=3.82 * np.sqrt(2))
    wurtzite = bulk("ZnS", "wurtzite", a=3.82, c=3.82 * np.sqrt(8 / 3))
    bcc = bulk("Cu", "bcc", a=3.6 / 2 ** (1 / 3))
    stretched = bulk("Cu", "fcc", a=3.6 * 1.05)
    for one, other in [(zincblende, wurtzite), (FCC, bcc), (FCC, stretched)]:
        assert not comparator.looks_like(one, other)


@KINDS
def test_crystals_of_different_composition_never_look_alike(kind):
    comparator = kind(tolerance=1.99)
    other = FCC.copy()
    other.symbols[:] = "Ni"
    mixed = bulk("Cu", cubic=True)
    mixed.symbols[0] = "Ni"
    for one in (other, mixed):
        assert not comparator.looks_like(FCC, one)
        assert comparator.difference(FCC, one) == np.inf


def test_two_molecules_differ_from_one():
    one = molecule("H2O")
    two = one + one.copy()
    two.positions[3:] += 100.0
    assert GOMComparator().difference(one, two) == np.inf


@KINDS
def test_the_difference_grows_as_atoms_move(kind, structures):
    atoms = structures["perovskite"]
    step = np.random.default_rng(0).normal(size=atoms.positions.shape)
    found = []
    for length in (0.0, 0.01, 0.03, 0.1):
        moved = atoms.copy()
        moved.positions += length * step
        found.append(kind().difference(atoms, moved))
    assert found[0] == 0.0
    assert np.all(np.diff(found) > 0.0)


def test_the_difference_is_a_fraction_for_any_cutoff_and_orbitals():
    """What the docstring says of strain: 0.3 % longer cells are 0.0075 apart."""
    longer = FCC.copy()
    longer.set_cell(1.003 * FCC.cell.array, scale_atoms=True)
    for comparator in (
        GOMComparator(), GOMComparator(cutoff=4.5), GOMComparator(orbitals="sp")
    ):  # fmt: skip
        assert comparator.difference(FCC, longer) == pytest.approx(0.0085, abs=0.0015)


def test_only_the_top_atoms_are_compared_with_n_top():
    slab = fcc111("Cu", (2, 2, 3), vacuum=8.0)
    left = slab + Atoms(
        "O2", positions=[slab.positions[-1] + [0, 0, z] for z in (1.5, 2.7)]
    )
    right = slab + Atoms(
        "O2", positions=[slab.positions[-1] + [0, 0, z] for z in (1.5, 3.0)]
    )
    everything = GOMComparator().difference(left, right)
    assert GOMComparator(n_top=2).difference(left, right) > 2.0 * everything
    assert GOMComparator(n_top=2).looks_like(left, left.copy())


def test_only_moved_atoms_are_described_again(monkeypatch):
    created = []
    create = GOM.create
    monkeypatch.setattr(
        GOM, "create", lambda self, atoms: created.append(0) or create(self, atoms)
    )
    comparator = GOMComparator()
    one, other = bulk("Cu"), bulk("Cu", cubic=True)
    for _ in range(3):
        assert comparator.looks_like(one, other)
        assert comparator.looks_like(one.copy(), other.copy())
    assert len(created) == 2
    other.positions[0] += 0.5
    assert not comparator.looks_like(one, other)
    assert len(created) == 3


def test_the_cache_of_fingerprints_has_its_size():
    comparator = GOMComparator(cutoff=4.0, size=3)
    for a in np.linspace(3.5, 3.7, 10):
        comparator.difference(bulk("Cu", a=a), FCC)
    assert len(comparator.fingerprints._cache) == 3
    # FCC was asked for throughout.
    assert comparator.fingerprints.of(FCC) is comparator.fingerprints.of(FCC.copy())


@KINDS
def test_comparing_does_not_change_atoms_and_info(kind):
    atoms = bulk("NaCl", "rocksalt", a=5.64)
    atoms.info["key_value_pairs"] = {"raw_score": 1.0}
    before = atoms.copy()
    kind().looks_like(atoms, bulk("NaCl", "rocksalt", a=5.7))
    assert atoms == before
    assert atoms.info == before.info


def test_comparators_combine_with_those_of_ase_ga():
    """Of equal geometry, and one eV apart in energy."""
    one, other = FCC.copy(), FCC.copy()
    for atoms, energy in ((one, 0.0), (other, 1.0)):
        atoms.calc = SinglePointCalculator(atoms, energy=energy)
    both = SequentialComparator([GOMComparator(), EnergyComparator(0.02)], [0, 0])
    assert GOMComparator().looks_like(one, other)
    assert both.looks_like(one, one)
    assert not both.looks_like(one, other)


def test_bad_input_is_explained():
    with pytest.raises(SettingError, match=r"0\.01 is one percent"):
        GOMComparator(tolerance=0.0)
    with pytest.raises(SettingError, match="n_top must be at least 1"):
        GOMComparator(n_top=0)
    with pytest.raises(SettingError, match="size must be at least 1"):
        OFMComparator(size=0)
    with pytest.raises(StructureError, match="no atoms"):
        GOMComparator().looks_like(Atoms(), FCC)
    with pytest.raises(ElementError, match="Og"):
        OFMComparator().looks_like(FCC, Atoms("Og", cell=[4, 4, 4], pbc=True))
