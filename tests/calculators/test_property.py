"""PropertyCalculator against ASE 3.29's contracts, around EMT and on its own."""

import numpy as np
import pytest
import torch
from ase.build import bulk
from ase.calculators.calculator import Calculator, PropertyNotImplementedError
from ase.calculators.emt import EMT
from ase.db import connect
from ase.filters import FrechetCellFilter
from ase.io import read, write
from ase.optimize import BFGS

from ase_orbital import PropertyCalculator
from ase_orbital.errors import ModelError, SettingError, StructureError
from ase_orbital.models import EOSNet
from ase_orbital.predict import Predictor


class CountingEMT(EMT):
    """EMT that counts its evaluations."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def calculate(self, *arguments):
        self.count += 1
        super().calculate(*arguments)


class Spring(Calculator):
    """Calculator that discards its results when a parameter changes."""

    implemented_properties = ["energy"]  # noqa: RUF012  # ASE's
    default_parameters = {"k": 1.0}  # noqa: RUF012
    discard_results_on_any_change = True

    def calculate(self, *arguments):
        super().calculate(*arguments)
        self.results["energy"] = self.parameters.k * (self.atoms.positions**2).sum()


class CountingPredictor(Predictor):
    """Predictor that counts its evaluations."""

    count = 0

    def predict(self, structure):
        self.count += 1
        return super().predict(structure)


@pytest.fixture
def predictor():
    torch.manual_seed(0)
    return CountingPredictor(EOSNet(property_name="band_gap"), device="cpu")


@pytest.fixture
def atoms():
    atoms = bulk("Cu", cubic=True)
    atoms.rattle(0.05, seed=1)
    return atoms


def test_energy_forces_and_stress_are_the_base_calculators(predictor, atoms):
    atoms.calc = PropertyCalculator(predictor, base=EMT())
    expected = atoms.copy()
    expected.calc = EMT()
    assert atoms.get_potential_energy() == expected.get_potential_energy()
    assert atoms.get_potential_energy(
        force_consistent=True
    ) == expected.get_potential_energy(force_consistent=True)
    np.testing.assert_array_equal(atoms.get_forces(), expected.get_forces())
    np.testing.assert_array_equal(atoms.get_stress(), expected.get_stress())


def test_a_predicted_property_is_that_of_the_predictor(predictor, atoms):
    atoms.calc = PropertyCalculator(predictor, base=EMT())
    expected = predictor.predict(atoms)["band_gap"]
    assert atoms.calc.get_property("band_gap", atoms) == expected


def test_the_domain_is_a_property_if_asked(atoms):
    calc = PropertyCalculator("eosnet-bulk-modulus-mp", base=EMT(), domain=True)
    assert {"bulk_modulus_std", "in_domain"} < set(calc.implemented_properties)
    assert calc.get_property("in_domain", atoms) == calc.results["in_domain"]
    expected = Predictor("eosnet-bulk-modulus-mp", domain=True).predict(atoms)
    assert calc.results["in_domain"] == expected["in_domain"]


def test_a_relaxation_predicts_nothing(predictor, atoms):
    alone, wrapped = atoms.copy(), atoms.copy()
    alone.calc = CountingEMT()
    wrapped.calc = PropertyCalculator(predictor, base=CountingEMT())
    for structure in (alone, wrapped):
        BFGS(FrechetCellFilter(structure), logfile=None).run(fmax=0.02, steps=30)
    assert wrapped.calc.base.count == alone.calc.count
    assert predictor.count == 0
    np.testing.assert_array_equal(wrapped.positions, alone.positions)


def test_properties_are_predicted_once_per_structure(predictor, atoms):
    calc = PropertyCalculator(predictor)
    calc.get_property("band_gap", atoms)
    calc.get_property("band_gap", atoms)
    assert predictor.count == 1
    atoms.positions[0, 0] += 0.1
    calc.get_property("band_gap", atoms)
    assert predictor.count == 2


def test_predictions_alone_have_no_energy(predictor, atoms):
    atoms.calc = PropertyCalculator(predictor)
    with pytest.raises(PropertyNotImplementedError):
        atoms.get_potential_energy()


def test_invalid_arguments_are_explained(predictor, atoms):
    with pytest.raises(ModelError, match="a Predictor has its own device"):
        PropertyCalculator(predictor, device="cpu")
    with pytest.raises(SettingError, match="base must be an ASE calculator, not 'emt'"):
        PropertyCalculator(predictor, base="emt")
    with pytest.raises(PropertyNotImplementedError, match="there is no base"):
        PropertyCalculator(predictor).calculate(atoms, ["energy"])


def test_without_atoms_there_is_an_error_that_says_so(predictor):
    with pytest.raises(StructureError, match="nothing has been calculated yet; give the a"):
        PropertyCalculator(predictor, base=EMT()).get_property("band_gap")


def test_list_of_properties_belongs_to_the_instance(predictor):
    PropertyCalculator(predictor, base=EMT())
    assert Calculator.implemented_properties == []
    assert PropertyCalculator.implemented_properties == []
    assert "band_gap" not in EMT.implemented_properties


def test_only_properties_of_ase_are_exported(predictor, atoms):
    atoms.calc = PropertyCalculator(predictor, base=EMT())
    atoms.calc.get_property("band_gap", atoms)
    properties = atoms.get_properties(["energy", "forces"])
    assert properties["energy"] == atoms.get_potential_energy()
    assert "band_gap" not in atoms.calc.export_properties()


@pytest.mark.parametrize("suffix", ["extxyz", "traj", "json"])
def test_files_keep_the_energy(predictor, atoms, tmp_path, suffix):
    atoms.calc = PropertyCalculator(predictor, base=EMT())
    energy = atoms.get_potential_energy()
    atoms.calc.get_property("band_gap", atoms)
    write(tmp_path / f"a.{suffix}", atoms)
    assert read(tmp_path / f"a.{suffix}").get_potential_energy() == pytest.approx(energy)


def test_trajectory_of_a_relaxation_is_readable(predictor, atoms, tmp_path):
    atoms.calc = PropertyCalculator(predictor, base=EMT())
    BFGS(atoms, logfile=None, trajectory=str(tmp_path / "a.traj")).run(fmax=0.05, steps=5)
    assert read(tmp_path / "a.traj").get_potential_energy() == atoms.get_potential_energy()


def test_a_database_keeps_energy_and_settings(predictor, atoms, tmp_path):
    atoms.calc = PropertyCalculator(predictor, base=EMT())
    energy = atoms.get_potential_energy()
    gap = atoms.calc.get_property("band_gap", atoms)
    with connect(tmp_path / "a.db") as database:
        database.write(atoms, orbital_band_gap=gap)
    row = connect(tmp_path / "a.db").get(1)
    assert row.energy == energy
    assert row.orbital_band_gap == gap
    assert row.calculator_parameters == {"models": ["band_gap"], "base": "emt"}


def test_models_and_base_are_shown(predictor):
    assert repr(PropertyCalculator(predictor)) == "PropertyCalculator(['band_gap'])"
    shown = repr(PropertyCalculator(predictor, base=EMT()))
    assert shown == "PropertyCalculator(['band_gap'], base='emt')"


@pytest.mark.parametrize("first", ["energy", "forces", "predicted_energy"])
def test_the_energy_of_the_base_wins_in_any_order_of_calls(atoms, first):
    predictor = Predictor(EOSNet(property_name="energy"), device="cpu")
    expected = EMT().get_potential_energy(atoms)
    atoms.calc = PropertyCalculator(predictor, base=EMT())
    atoms.calc.get_property(first, atoms)
    assert atoms.get_potential_energy() == expected
    predicted = atoms.calc.get_property("predicted_energy", atoms)
    assert predicted == predictor.predict(atoms)["energy"]
    assert atoms.get_potential_energy() == atoms.calc.results["energy"] == expected


def test_a_learned_energy_alone_is_no_energy_of_ase(atoms):
    atoms.calc = PropertyCalculator(Predictor(EOSNet(property_name="energy")))
    with pytest.raises(PropertyNotImplementedError, match="predicted_energy"):
        atoms.calc.calculate(atoms, ["energy"])
    with pytest.raises(PropertyNotImplementedError):
        atoms.get_potential_energy()


def test_a_property_that_the_base_has_as_well_is_refused(predictor):
    inner = PropertyCalculator(predictor)
    with pytest.raises(SettingError, match="base has a property 'band_gap' as well"):
        PropertyCalculator(predictor, base=inner)


def test_a_change_of_the_base_changes_the_energy(predictor, atoms):
    atoms.calc = PropertyCalculator(predictor, base=Spring())
    before = atoms.get_potential_energy()
    gap = atoms.calc.get_property("band_gap", atoms)
    atoms.calc.base.set(k=2.0)
    assert atoms.calc.calculation_required(atoms, ["energy"])
    assert atoms.get_potential_energy() == 2.0 * before
    assert atoms.calc.get_property("band_gap", atoms) == gap
    assert predictor.count == 1


def test_a_stored_result_is_a_base(predictor, atoms, tmp_path):
    atoms.calc = EMT()
    energy = atoms.get_potential_energy()
    write(tmp_path / "dft.extxyz", atoms)
    known = read(tmp_path / "dft.extxyz")
    known.calc = PropertyCalculator(predictor, base=known.calc)
    assert known.get_potential_energy() == pytest.approx(energy)
    known.rattle(0.1)
    with pytest.raises(PropertyNotImplementedError):
        known.get_potential_energy()


def test_the_class_of_a_calculator_is_no_base(predictor):
    with pytest.raises(SettingError, match=r"write base=EMT\("):
        PropertyCalculator(predictor, base=EMT)


def test_results_are_plain_numbers(predictor, atoms):
    calc = PropertyCalculator(predictor)
    calc.get_property("band_gap", atoms)
    assert type(calc.results["band_gap"]) is float
