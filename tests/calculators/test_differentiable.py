"""The base class of differentiable calculators, with a pair potential that ASE has too."""

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.lj import LennardJones
from ase.calculators.singlepoint import SinglePointCalculator
from numpy.testing import assert_allclose

from ase_orbital.calculators.differentiable import DifferentiableCalculator
from ase_orbital.errors import SettingError, StructureError

SETTINGS = {"sigma": 2.3, "epsilon": 0.4, "rc": 6.0, "ro": 4.5, "smooth": True}


class PairPotential(DifferentiableCalculator):
    """Lennard-Jones with ASE's smooth cutoff."""

    contribution = "pairs"
    cutoff = SETTINGS["rc"]

    def energy(self, around, vectors):  # noqa: ARG002
        r2 = vectors.square().sum(dim=1)
        c6 = (SETTINGS["sigma"] ** 2 / r2) ** 3
        inner, outer = SETTINGS["ro"] ** 2, SETTINGS["rc"] ** 2
        switch = (outer - r2) ** 2 * (outer + 2 * r2 - 3 * inner) / (outer - inner) ** 3
        switch = torch.where(r2 > inner, switch, 1.0)
        return 2.0 * (SETTINGS["epsilon"] * (c6**2 - c6) * switch).sum()


def rattled(atoms):
    atoms.rattle(0.1, seed=2)
    return atoms


@pytest.mark.parametrize(
    "atoms",
    [
        rattled(bulk("Cu", cubic=True)),
        rattled(bulk("Cu")),
        Atoms("Cu3", [[0, 0, 0], [2.3, 0, 0], [0, 2.6, 0.5]]),
        Atoms("Cu", cell=[2.4, 0, 0], pbc=[True, False, False]),
    ],
    ids=["cell", "primitive", "molecule", "wire"],
)
def test_energy_forces_and_stress_are_those_of_lennard_jones(atoms):
    ours, ase = PairPotential(None), LennardJones(**SETTINGS)
    assert ours.get_potential_energy(atoms) == pytest.approx(
        ase.get_potential_energy(atoms)
    )
    assert_allclose(ours.get_forces(atoms), ase.get_forces(atoms), atol=1e-10)
    if atoms.cell.rank == 3:
        assert_allclose(ours.get_stress(atoms), ase.get_stress(atoms), atol=1e-10)
    else:
        with pytest.raises(NotImplementedError):
            ours.get_stress(atoms)


def test_contributions_add_up_to_the_energy():
    atoms = rattled(bulk("Cu", cubic=True))
    calculator = PairPotential(EMT())
    total = calculator.get_potential_energy(atoms)
    assert set(calculator.contributions) == {"pairs", "base"}
    assert calculator.contributions["base"] == EMT().get_potential_energy(atoms)
    assert total == sum(calculator.contributions.values())
    expected = PairPotential(None).get_forces(atoms) + EMT().get_forces(atoms)
    assert_allclose(calculator.get_forces(atoms), expected, atol=1e-12)


def test_results_that_the_base_lacks_are_left_out():
    class EnergyOnly(EMT):
        implemented_properties = ["energy"]  # noqa: RUF012  # ASE's

    calculator = PairPotential(EnergyOnly())
    assert calculator.implemented_properties == ["energy", "free_energy"]
    calculator.calculate(bulk("Cu"))
    assert set(calculator.results) == {"energy", "free_energy"}


def test_a_lone_atom_has_no_energy_and_no_forces():
    calculator = PairPotential(None)
    assert calculator.get_potential_energy(Atoms("Cu")) == 0.0
    assert not np.any(calculator.get_forces(Atoms("Cu")))


def test_settings_go_into_files_and_bad_input_is_explained():
    assert PairPotential(EMT()).todict() == {"base": "emt"}
    with pytest.raises(SettingError, match="base must be an ASE calculator, not 'emt'"):
        PairPotential("emt")
    with pytest.raises(StructureError, match="no atoms"):
        PairPotential(None).get_potential_energy(Atoms())


def test_a_change_of_the_base_changes_the_energy():
    class Discarding(LennardJones):
        discard_results_on_any_change = True

    atoms = rattled(bulk("Cu", cubic=True))
    atoms.calc = PairPotential(Discarding(**SETTINGS))
    before = atoms.get_potential_energy()
    atoms.calc.base.set(epsilon=2.0 * SETTINGS["epsilon"])
    assert atoms.get_potential_energy() == pytest.approx(1.5 * before)


def test_a_stored_result_is_a_base():
    atoms = rattled(bulk("Cu", cubic=True))
    stored = SinglePointCalculator(atoms, energy=-1.0)
    total = PairPotential(stored).get_potential_energy(atoms)
    assert total == PairPotential(None).get_potential_energy(atoms) - 1.0
