"""Valence vectors against the ground states of free atoms in NIST and in pymatgen."""

import re

import numpy as np
import pytest

from ase_orbital.elements import (
    ORBITALS,
    SYMBOLS,
    valence_configurations,
    valence_vectors,
)

CORES = (0, 2, 10, 18, 36, 54, 86)
ELEMENTS = SYMBOLS[1:104]


def occupied(symbol):
    vector = valence_vectors()[SYMBOLS.index(symbol)]
    return {ORBITALS[column] for column in np.flatnonzero(vector)}


@pytest.mark.parametrize(
    ("symbol", "orbitals"),
    [
        ("H", "s1"),
        ("He", "s2"),
        ("Ne", "s2 p6"),
        ("Cr", "s1 d5"),
        ("Fe", "s2 d6"),
        ("Cu", "s1 d10"),
        ("Zn", "s2 d10"),
        ("Ga", "s2 p1 d10"),
        ("Pd", "d10"),
        ("La", "s2 d1"),
        ("Ce", "s2 d1 f1"),
        ("Gd", "s2 d1 f7"),
        ("Pt", "s1 d9 f14"),
        ("Rn", "s2 p6 d10 f14"),
        ("Th", "s2 d2"),
        ("U", "s2 d1 f3"),
        ("Lr", "s2 p1 f14"),
    ],
)
def test_ground_state(symbol, orbitals):
    assert occupied(symbol) == set(orbitals.split())


def test_orbitals_are_in_the_order_of_the_paper():
    assert len(ORBITALS) == 32
    assert ORBITALS[:3] == ("s1", "s2", "p1")
    assert [ORBITALS.index(label) for label in ("p6", "d1", "d10", "f1")] == [7, 8, 17, 18]
    assert ORBITALS[-1] == "f14"


@pytest.mark.parametrize("symbol", ELEMENTS)
def test_electrons_outside_the_core_are_all_there(symbol):
    number = SYMBOLS.index(symbol)
    core = max(core for core in CORES if core < number)
    assert sum(int(label[1:]) for label in occupied(symbol)) == number - core


@pytest.mark.parametrize("symbol", ELEMENTS)
def test_pymatgen_has_the_same_ground_state(symbol):
    """As sets: the order of pymatgen's subshells has changed between releases."""
    pymatgen = pytest.importorskip("pymatgen.core")
    number = SYMBOLS.index(symbol)
    inner = SYMBOLS[max(core for core in CORES if core < number)]
    shells = set(pymatgen.Element(symbol).full_electronic_structure)
    if inner != "X":
        shells -= set(pymatgen.Element(inner).full_electronic_structure)
    expected = {f"{n}{subshell}{electrons}" for n, subshell, electrons in shells}
    configuration = valence_configurations()[symbol]
    assert set(re.findall(r"\d[spdf]\d+", configuration)) == expected


def test_row_zero_is_empty():
    assert valence_vectors().shape == (104, 32)
    assert not valence_vectors()[0].any()


def test_vectors_are_read_only():
    with pytest.raises(ValueError, match="read-only"):
        valence_vectors()[26, 0] = 1.0
