"""Covalent radii against the list of the reference implementation of the GOM."""

import csv
from pathlib import Path

import numpy as np
import pytest

from ase_orbital.elements import SYMBOLS, covalent_radii

REFERENCE = Path(__file__).parents[2].parent / "shared/reference/gom_covalent_radii.csv"


@pytest.mark.skipif(not REFERENCE.exists(), reason="reference data is not here")
def test_radii_are_those_of_the_reference():
    rows = list(csv.DictReader(REFERENCE.read_text().splitlines()))
    assert len(rows) == len(covalent_radii()) - 1
    for row in rows:
        number = int(row["atomic_number"])
        assert SYMBOLS[number] == row["symbol"]
        assert covalent_radii()[number] == float(row["covalent_radius_angstrom"])


@pytest.mark.parametrize(("symbol", "radius"), [("H", 0.37), ("Si", 1.11), ("Cn", 1.22)])
def test_radius(symbol, radius):
    assert covalent_radii()[SYMBOLS.index(symbol)] == radius


def test_terbium_lies_between_its_neighbors():
    """The reference implementation misses it, and answers 1.0."""
    gadolinium, terbium, dysprosium = covalent_radii()[64:67]
    assert gadolinium > terbium > dysprosium


def test_only_row_zero_has_no_radius():
    np.testing.assert_array_equal(np.flatnonzero(np.isnan(covalent_radii())), [0])


def test_radii_are_read_only():
    with pytest.raises(ValueError, match="read-only"):
        covalent_radii()[1] = 1.0
