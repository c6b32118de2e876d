"""Entries of an archive keep a structure, and give it out again."""

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.constraints import FixAtoms

from ase_orbital.descriptors.gom import GOM
from ase_orbital.errors import SettingError
from ase_orbital.similarity.entry import (
    OVERHEAD,
    Entry,
    checked_label,
    checked_values,
)
from ase_orbital.similarity.fingerprints import Fingerprints


@pytest.fixture
def entry():
    atoms = bulk("Cu", cubic=True)
    atoms.calc = EMT()
    atoms.info["name"] = "copper"
    atoms.set_constraint(FixAtoms([0]))
    fingerprint = Fingerprints(GOM(cutoff=4.0)).of(atoms)
    return Entry(3, atoms, fingerprint, "fcc", {"energy": -1.0})


def test_atoms_come_back_without_calculator_constraints_and_info(entry):
    atoms = entry.atoms
    assert atoms == bulk("Cu", cubic=True)
    assert (atoms.calc, atoms.constraints, atoms.info) == (None, [], {})


def test_changes_of_its_atoms_do_not_reach_the_entry(entry):
    entry.atoms.positions += 1.0
    entry.atoms.set_cell(np.eye(3))
    assert entry.atoms == bulk("Cu", cubic=True)


def test_memory_grows_with_atoms_features_and_label(entry):
    features = entry.fingerprint.nbytes
    assert entry.nbytes == OVERHEAD + 4 * (1 + 3 * 8) + features + len("fcc")
    longer = Entry(4, entry.atoms, entry.fingerprint, "fcc" * 100, {})
    assert longer.nbytes == entry.nbytes + 297


def test_an_entry_is_shown_with_label_formula_and_count(entry):
    entry.seen += 1
    assert repr(entry) == "<3 'fcc': Cu, seen 2 times>"
    unnamed = Entry(0, entry.atoms, entry.fingerprint, "", {})
    assert repr(unnamed) == "<0: Cu, seen 1 times>"


def test_labels_and_values_are_plain():
    assert checked_label(7) == "7"
    values = checked_values({"energy": np.float32(-3.5), "n": np.int64(2)})
    assert values == {"energy": -3.5, "n": 2.0}
    assert {type(value) for value in values.values()} == {float}
    with pytest.raises(SettingError, match="a label is a text"):
        checked_label(["a"])
    with pytest.raises(SettingError, match="the value energy is a number"):
        checked_values({"energy": "low"})
