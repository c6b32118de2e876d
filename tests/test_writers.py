"""Extended XYZ with the results of calculators."""

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.io import read

from ase_orbital.writers import write_extxyz


@pytest.fixture
def labeled():
    """A crystal of a data set for potentials, which has other energies and forces."""
    atoms = bulk("Cu", cubic=True)
    atoms.rattle(0.1, seed=1)
    atoms.calc = EMT()
    atoms.get_forces()
    atoms.info |= {"energy": 7.0, "note": "kept"}
    atoms.arrays["forces"] = np.ones((4, 3))
    return atoms


def test_results_count_more_than_what_has_their_names(labeled, tmp_path):
    write_extxyz(tmp_path / "a.extxyz", [labeled])
    (found,) = read(tmp_path / "a.extxyz", ":")
    assert found.get_potential_energy() == pytest.approx(labeled.get_potential_energy())
    np.testing.assert_allclose(found.get_forces(), labeled.get_forces(), atol=1e-7)
    np.testing.assert_allclose(found.positions, labeled.positions, atol=1e-7)
    assert found.info["note"] == "kept"
    assert labeled.info["energy"] == 7.0
    assert (labeled.arrays["forces"] == 1.0).all()


def test_structures_are_appended(labeled, tmp_path):
    write_extxyz(tmp_path / "a.extxyz", [labeled])
    write_extxyz(tmp_path / "a.extxyz", [labeled, bulk("Au")], append=True)
    symbols = [str(atoms.symbols) for atoms in read(tmp_path / "a.extxyz", ":")]
    assert symbols == ["Cu4", "Cu4", "Au"]


def test_without_a_calculator_nothing_is_left_out(labeled, tmp_path):
    labeled.calc = None
    write_extxyz(tmp_path / "a.extxyz", [labeled])
    (found,) = read(tmp_path / "a.extxyz", ":")
    assert found.get_potential_energy() == 7.0  # as ASE reads this name
