"""Reference phases are relaxed once for each potential, also across processes."""

import numpy as np
import pytest
from ase.build import bulk, molecule
from ase.calculators.calculator import Calculator
from ase.calculators.emt import EMT
from ase.io import read

from ase_orbital.errors import DataError, ModelError, SettingError, StructureError
from ase_orbital.search import relaxed_phases
from ase_orbital.search.relaxed_phases import RelaxedPhases, relax

from .conftest import CountingEMT

CU = bulk("Cu", a=3.7)


def phases(tmp_path, calculator=None, references=(CU,)):
    calculator = CountingEMT() if calculator is None else calculator
    return RelaxedPhases(calculator, list(references), tmp_path / "phases.extxyz")


def test_a_relaxed_phase_has_small_forces_and_stress():
    relaxed, force = relax(CU, EMT())
    assert 0.0 < force < 0.03
    cell = relaxed.cell.lengths()[0] * 2**0.5
    assert cell == pytest.approx(3.59, abs=0.01)  # of EMT
    assert abs(relaxed.get_stress()).max() * relaxed.get_volume() < 0.03
    assert CU.cell.lengths()[0] * 2**0.5 == pytest.approx(3.7)  # not changed


def test_the_file_keeps_phases_for_the_next_process(tmp_path):
    first, second = CountingEMT(), CountingEMT()
    (one,) = phases(tmp_path, first).of({"Cu"})
    (other,) = phases(tmp_path, second).of({"Cu"})
    assert other.get_potential_energy() == pytest.approx(one.get_potential_energy())
    assert first.count > second.count == 1
    assert len(read(tmp_path / "phases.extxyz", ":")) == 1


def test_potentials_of_one_name_are_told_apart_by_their_energies(tmp_path):
    class Shifted(CountingEMT):
        def calculate(self, *arguments):
            super().calculate(*arguments)
            self.results["energy"] += 0.1

    Shifted.__name__ = "CountingEMT"
    (one,) = phases(tmp_path).of({"Cu"})
    (other,) = phases(tmp_path, Shifted()).of({"Cu"})
    difference = other.get_potential_energy() - one.get_potential_energy()
    assert difference == pytest.approx(0.1)
    for calculator in (CountingEMT(), Shifted()):  # both are in the file now
        phases(tmp_path, calculator).of({"Cu"})
        assert calculator.count == 1


def test_only_phases_of_the_elements_are_returned(tmp_path):
    known = phases(tmp_path, references=[CU, bulk("Au"), bulk("CuAu", "rocksalt", a=5.2)])
    assert [str(atoms.symbols) for atoms in known.of({"Cu"})] == ["Cu"]
    assert known.elements == {"Cu", "Au"}
    assert len(known) == 3


def test_a_damaged_file_is_named(tmp_path):
    (tmp_path / "phases.extxyz").write_text("3\nnothing")
    with pytest.raises(DataError, match=r"phases.extxyz is not readable .*; remove it"):
        phases(tmp_path).of({"Cu"})


def test_a_phase_that_cannot_be_calculated_is_named(tmp_path):
    iron = bulk("Fe")  # unknown to EMT
    with pytest.raises(ModelError, match="cannot relax the reference phase Fe"):
        phases(tmp_path, references=[iron]).of({"Fe"})


def test_an_energy_that_is_not_finite_is_refused():
    class Broken(EMT):
        def calculate(self, *arguments):
            super().calculate(*arguments)
            self.results["energy"] = float("nan")

    with pytest.raises(ModelError, match="the energy of the phase Cu is nan"):
        relax(CU, Broken())


def test_what_cannot_be_used_is_refused_at_once(tmp_path):
    with pytest.raises(SettingError, match="there is no folder"):
        RelaxedPhases(EMT(), [CU], tmp_path / "absent" / "phases.extxyz")

    class NoStress(Calculator):
        implemented_properties = ("energy", "forces")

    with pytest.raises(SettingError, match="NoStress has no stress"):
        phases(tmp_path, NoStress())
    with pytest.raises(StructureError, match="reference 1, OH2, is not periodic"):
        phases(tmp_path, references=[CU, molecule("H2O")])
    with pytest.raises(SettingError, match=r"must end with .extxyz"):
        RelaxedPhases(EMT(), [CU], tmp_path / "phases.json")


class Spin(CountingEMT):
    """Opposite moments lower the energy."""

    def calculate(self, atoms=None, properties=(), system_changes=()):
        super().calculate(atoms, properties, system_changes)
        self.results["energy"] -= 0.1 * (
            abs(atoms.get_initial_magnetic_moments().sum()) < 1
        )


def test_phases_that_differ_in_their_moments_are_different_phases(tmp_path):
    parallel, opposite = bulk("Cu", cubic=True), bulk("Cu", cubic=True)
    parallel.set_initial_magnetic_moments([1.0, 1.0, 1.0, 1.0])
    opposite.set_initial_magnetic_moments([1.0, 1.0, -1.0, -1.0])
    for pair in ([parallel, opposite], [opposite, parallel]):
        found = phases(tmp_path, Spin(), pair).of({"Cu"})
        energies = [phase.get_potential_energy() for phase in found]
        assert max(energies) - min(energies) == pytest.approx(0.1, abs=1e-3)


def test_a_phase_that_does_not_converge_is_named_each_time(tmp_path, monkeypatch):
    monkeypatch.setattr(relaxed_phases, "STEPS", 1)
    strained, calculator = bulk("Cu", a=3.9), CountingEMT()
    for _ in range(2):  # the second one is from the file
        with pytest.warns(UserWarning, match="Cu is not relaxed after 1 steps: its larg"):
            phases(tmp_path, calculator, [strained]).of({"Cu"})
    assert calculator.count <= 4


def test_a_phase_with_results_among_its_arrays_is_kept(tmp_path):
    labeled = CU.copy()
    labeled.info["energy"], labeled.arrays["forces"] = 1.0, np.zeros((1, 3))
    (phase,) = phases(tmp_path, references=[labeled]).of({"Cu"})
    (kept,) = read(tmp_path / "phases.extxyz", ":")
    assert kept.get_potential_energy() == pytest.approx(phase.get_potential_energy())
