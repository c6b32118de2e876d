"""Calculators that others pass on."""

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator

from ase_orbital.calculators.base import checked_base, known_to, offered_by
from ase_orbital.errors import SettingError


def test_only_a_calculator_is_a_base():
    emt = EMT()
    assert checked_base(emt) is emt
    assert checked_base(None) is None
    with pytest.raises(SettingError, match=r"write base=EMT\("):
        checked_base(EMT)
    with pytest.raises(SettingError, match="ASE calculator"):
        checked_base("emt")


def test_a_stored_result_offers_what_it_has():
    stored = SinglePointCalculator(bulk("Cu"), energy=-1.0)
    assert offered_by(stored) == ["energy"]
    assert offered_by(EMT()) == EMT.implemented_properties
    assert offered_by(None) == []


def test_results_are_known_for_their_own_atoms_only():
    calc, copper = EMT(), bulk("Cu")
    assert known_to(calc, copper) == {}
    calc.get_potential_energy(copper)
    assert "energy" in known_to(calc, copper)
    assert known_to(calc, bulk("Al")) == {}
    assert known_to(None, copper) == {}


def test_results_in_single_precision_become_double():
    """Of CHGNet, say; ASE's databases would store bytes that they cannot read."""

    class Single(EMT):
        def calculate(self, *arguments):
            super().calculate(*arguments)
            for name in ("energy", "forces"):
                self.results[name] = np.float32(self.results[name])
            self.results["name"] = "single"

    calc, copper = Single(), bulk("Cu")
    forces = calc.get_forces(copper)
    known = known_to(calc, copper)
    assert forces.dtype == np.float32
    assert known["forces"].dtype == known["energy"].dtype == np.float64
    assert known["name"] == "single"
    assert (known["forces"] == forces).all()
