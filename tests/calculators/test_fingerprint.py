"""FingerprintCalculator: exact forces, symmetry, and results of relaxations."""

import numpy as np
import pytest
import spglib
import torch
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.fd import calculate_numerical_forces, calculate_numerical_stress
from ase.filters import FrechetCellFilter
from ase.io import read
from ase.neighborlist import neighbor_list
from ase.optimize import BFGS
from ase.spacegroup import crystal
from numpy.testing import assert_allclose

from ase_orbital import GOM, OFM, FingerprintCalculator
from ase_orbital.errors import SettingError, StructureError
from ase_orbital.neighbors.batch import neighbor_batch
from ase_orbital.search import GOMComparator

from ..structures import PEROVSKITE, RUTILE, distorted


@pytest.fixture(autouse=True)
def _spglib_raises(monkeypatch):
    """Use the new error handling of spglib, which raises no deprecation warning."""
    monkeypatch.setattr("spglib.error.OLD_ERROR_HANDLING", False)


def with_(atoms, *arguments, **settings):
    atoms = atoms.copy()
    atoms.calc = FingerprintCalculator(*arguments, **settings)
    return atoms


def symmetry(atoms, tolerance=0.01):
    cell = (atoms.cell.array, atoms.get_scaled_positions(), atoms.numbers)
    return spglib.get_symmetry_dataset(cell, tolerance)


@pytest.mark.parametrize(
    "gom",
    [
        GOM(cutoff=4.5),
        GOM(cutoff=4.0, orbitals="sp"),
        GOM(cutoff=4.5, n_eigenvalues=9, normalize=True),
        GOM(cutoff=4.5, n_eigenvalues=60, normalize=True),
    ],
    ids=str,
)
def test_differentiable_features_are_the_features(gom):
    for atoms in (
        PEROVSKITE,
        distorted(PEROVSKITE),
        Atoms("O"),
        Atoms("H2", [[0] * 3, [1] * 3]),
    ):
        batch = neighbor_batch([atoms], 7.0, symmetry=False)
        vectors = torch.tensor(batch.vector)
        assert_allclose(
            gom.differentiable_features(batch, vectors), gom.create(atoms), atol=1e-12
        )


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"weight": 7.0},
        {"descriptor": GOM(cutoff=4.0, orbitals="sp")},
        {"descriptor": GOM(cutoff=4.5, n_eigenvalues=9, normalize=True)},
        {"target": distorted(PEROVSKITE, 0.3, seed=5)},
        {"target": distorted(PEROVSKITE, 0.3, seed=5).repeat((2, 1, 1))},
    ],
    ids=lambda settings: ", ".join(settings) or "dispersion",
)
def test_forces_and_stress_are_those_of_finite_differences(settings):
    atoms = with_(distorted(PEROVSKITE), **settings)
    forces, stress = atoms.get_forces(), atoms.get_stress()
    assert np.abs(forces).max() > 1e-4
    assert_allclose(forces, calculate_numerical_forces(atoms, eps=1e-5), atol=1e-7)
    assert_allclose(stress, calculate_numerical_stress(atoms, eps=1e-6), atol=1e-8)
    assert_allclose(forces.sum(axis=0), 0.0, atol=1e-12)


def test_a_molecule_has_forces_and_no_stress():
    atoms = with_(Atoms("OH2", [[0, 0, 0], [0.1, 0.2, 0.95], [0.9, 0.3, -0.3]]))
    assert_allclose(
        atoms.get_forces(), calculate_numerical_forces(atoms, eps=1e-5), atol=1e-8
    )
    with pytest.raises(NotImplementedError):
        atoms.get_stress()


def test_an_isolated_atom_has_no_energy_and_no_forces():
    assert with_(Atoms("O")).get_potential_energy() == 0.0
    assert not with_(Atoms("O")).get_forces().any()


def test_supercells_have_their_cells_energy_times_their_size():
    atoms = distorted(PEROVSKITE)
    for target in (None, distorted(PEROVSKITE, 0.3, seed=5)):
        one, other = with_(atoms, target), with_(atoms.repeat((2, 1, 1)), target)
        assert_allclose(other.get_potential_energy(), 2.0 * one.get_potential_energy())
        assert_allclose(other.get_forces(), np.tile(one.get_forces(), (2, 1)), atol=1e-12)
        assert_allclose(other.get_stress(), one.get_stress(), atol=1e-12)


def test_dispersion_is_the_sum_over_pairs_divided_by_the_atoms():
    atoms = distorted(bulk("Si", cubic=True))
    rows = GOM().create(atoms)
    pairs = np.square(rows[:, None] - rows).sum() / 2.0
    assert_allclose(with_(atoms).get_potential_energy(), pairs / len(atoms))


def test_the_energy_is_the_squared_distance_of_comparators():
    atoms, target = distorted(PEROVSKITE), PEROVSKITE
    compare = GOMComparator()
    apart = compare.difference(atoms, target)
    lengths = [compare.fingerprints.of(one).length for one in (atoms, target)]
    expected = len(atoms) * (apart * np.mean(lengths)) ** 2
    assert_allclose(with_(atoms, target).get_potential_energy(), expected, rtol=1e-4)


@pytest.mark.parametrize("atoms", [PEROVSKITE, RUTILE, bulk("Cu")], ids=str)
@pytest.mark.parametrize("toward", ["dispersion", "target"])
def test_forces_and_stress_have_the_symmetry_of_the_crystal(atoms, toward):
    """The target breaks every degeneracy, so that energies have kinks here."""
    target = None if toward == "dispersion" else distorted(atoms, 0.2)
    moved = with_(atoms.repeat((2, 1, 1)) if len(atoms) == 1 else atoms, target)
    data = symmetry(moved)
    forces, stress = moved.get_forces(), moved.get_stress(voigt=False)
    cell = moved.cell.array
    fractions = moved.get_scaled_positions()
    for rotation, translation in zip(data.rotations, data.translations, strict=True):
        turned = np.linalg.inv(cell) @ rotation.T @ cell
        images = fractions @ rotation.T + translation
        steps = images[:, None] - fractions
        image = np.abs(steps - np.round(steps)).sum(axis=2).argmin(axis=1)
        assert_allclose(forces @ turned, forces[image], atol=1e-9)
        assert_allclose(turned.T @ stress @ turned, stress, atol=1e-9)


def test_forces_and_stress_that_keep_the_symmetry_are_exact():
    """The volume of a cube, and the free coordinate of oxygen in rutile."""
    cube = with_(PEROVSKITE, distorted(PEROVSKITE, 0.2))
    pressure = cube.get_stress()[:3].sum() * cube.get_volume()
    assert_allclose(pressure, slope_of(cube, stretched), atol=1e-8)
    rutile = with_(RUTILE, distorted(RUTILE, 0.2))
    direction = np.zeros((6, 3))
    direction[2:, :2] = [[1, 1], [-1, -1], [-1, 1], [1, -1]]
    data = symmetry(moved_along(rutile, 0.01 * direction))
    assert data.number == 136
    work = -(rutile.get_forces() * direction).sum()
    assert_allclose(
        work, slope_of(rutile, lambda a, x: moved_along(a, x * direction)), atol=1e-8
    )


def stretched(atoms, strain):
    moved = atoms.copy()
    moved.set_cell(atoms.cell.array * (1.0 + strain), scale_atoms=True)
    return moved


def moved_along(atoms, step):
    moved = atoms.copy()
    moved.positions += step
    return moved


def slope_of(atoms, moving, step=3e-6):
    ahead, behind = (
        atoms.calc.get_potential_energy(moving(atoms, x)) for x in (step, -step)
    )
    return (ahead - behind) / (2.0 * step)


def test_random_atoms_become_equivalent():
    """Four carbon atoms anywhere in any cell end as one, repeated by symmetry."""
    for seed in range(3):
        atoms = anywhere("C4", 6.0, seed)
        assert len({*symmetry(atoms).equivalent_atoms}) == 4
        atoms.calc = FingerprintCalculator(weight=1000.0)
        relaxed = FrechetCellFilter(atoms, constant_volume=True)
        assert BFGS(relaxed, logfile=None).run(fmax=1e-3, steps=150)
        assert {*symmetry(atoms).equivalent_atoms} == {0}
        assert atoms.get_potential_energy() < 1e-6


def test_a_relaxation_goes_to_its_target():
    target = bulk("Si", cubic=True)
    atoms = with_(distorted(target, 0.25, seed=3), target, weight=100.0)
    far = GOMComparator().difference(atoms, target)
    BFGS(FrechetCellFilter(atoms), logfile=None).run(fmax=1e-3, steps=150)
    assert GOMComparator().difference(atoms, target) < 0.01 * far
    assert symmetry(atoms).number == 227


def test_a_relaxation_keeps_symmetry():
    target = crystal(
        ["Ti", "O"], [(0, 0, 0), (0.32, 0.32, 0)], spacegroup=136,
        cellpar=[4.8, 4.8, 2.9, 90, 90, 90],
    )  # fmt: skip
    atoms = with_(RUTILE, target, weight=10.0)
    BFGS(FrechetCellFilter(atoms), logfile=None).run(fmax=1e-4, steps=20)
    assert symmetry(atoms, 1e-5).number == 136
    assert np.abs(atoms.positions - RUTILE.positions).max() > 0.01


@pytest.mark.slow
def test_fingerprints_with_a_potential_lead_out_of_a_local_minimum():
    """EMT alone leaves these eight copper atoms in a cell of eight unlike places."""
    relaxed = []
    for calculator in (EMT(), FingerprintCalculator(weight=100.0, base=EMT())):
        atoms = anywhere("Cu8", 13.0, seed=4)
        atoms.calc = calculator
        BFGS(FrechetCellFilter(atoms), logfile=None).run(fmax=0.05, steps=200)
        relaxed.append(atoms)
    alone, mixed = relaxed
    assert symmetry(alone, 0.05).number < 16
    assert symmetry(mixed, 0.05).number == 225
    mixed.calc = EMT()
    assert mixed.get_potential_energy() < alone.get_potential_energy() - 1.0


def test_a_base_is_added_to_the_fingerprints():
    atoms = distorted(bulk("Cu", cubic=True))
    alone, base, mixed = (atoms.copy() for _ in range(3))
    alone.calc = FingerprintCalculator(weight=3.0)
    base.calc = EMT()
    mixed.calc = FingerprintCalculator(weight=3.0, base=EMT())
    for ask in ("get_potential_energy", "get_forces", "get_stress"):
        both = getattr(alone, ask)() + getattr(base, ask)()
        assert_allclose(getattr(mixed, ask)(), both, atol=1e-12)
    assert mixed.calc.contributions == pytest.approx(
        {"fingerprint": alone.get_potential_energy(), "base": base.get_potential_energy()}
    )
    assert mixed.get_potential_energy(force_consistent=True) == pytest.approx(
        mixed.get_potential_energy()
    )


def test_frames_can_be_written(tmp_path):
    atoms = with_(distorted(PEROVSKITE), PEROVSKITE)
    energy, stress = atoms.get_potential_energy(), atoms.get_stress()
    for name in ("frame.traj", "frame.extxyz", "frame.json"):
        atoms.write(tmp_path / name)
        again = read(tmp_path / name)
        assert again.get_potential_energy() == pytest.approx(energy)
        assert_allclose(again.get_stress(), stress, atol=1e-7)


def test_invalid_settings_and_structures_are_explained():
    with pytest.raises(SettingError, match="weight must be an energy in eV above 0"):
        FingerprintCalculator(weight=0.0)
    with pytest.raises(SettingError, match="is not a descriptor"):
        FingerprintCalculator(descriptor="GOM")
    with pytest.raises(SettingError, match="OFM has no derivatives"):
        FingerprintCalculator(descriptor=OFM())
    with pytest.raises(SettingError, match="base must be an ASE calculator"):
        FingerprintCalculator(base="emt")
    atoms = with_(bulk("Cu"), PEROVSKITE)
    with pytest.raises(StructureError, match="does not have the composition of Cu"):
        atoms.get_potential_energy()


def anywhere(formula, volume, seed):
    """Atoms at random in a random cell, not too near to each other; Å^3 an atom."""
    rng = np.random.default_rng(seed)
    while True:
        cell = np.eye(3) + 0.3 * rng.normal(size=(3, 3))
        atoms = Atoms(formula, cell=cell, pbc=True)
        if abs(np.linalg.det(cell)) < 0.4:
            continue
        atoms.set_cell(cell * (volume * len(atoms) / abs(np.linalg.det(cell))) ** (1 / 3))
        atoms.set_scaled_positions(rng.random((len(atoms), 3)))
        if not len(neighbor_list("d", atoms, 0.6 * volume ** (1 / 3))):
            return atoms
