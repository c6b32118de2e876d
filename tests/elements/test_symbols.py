"""Symbols of the elements, and the error for one that a table lacks."""

import numpy as np
import pytest

from ase_orbital.elements import SYMBOLS, covalent_radii, require, valence_vectors
from ase_orbital.errors import ElementError

RADII = np.isfinite(covalent_radii())


def test_symbols_are_those_of_ase():
    data = pytest.importorskip("ase.data")
    assert list(SYMBOLS) == data.chemical_symbols


def test_known_elements_pass():
    require(np.array([1, 26, 112]), RADII, "covalent radius")
    require(np.array([], dtype=int), RADII, "covalent radius")


def test_error_names_atom_element_and_table():
    message = r"atom 2 \(Og, Z=118\) has no covalent radius .* \(Z 1-112\); replace it"
    with pytest.raises(ElementError, match=message):
        require(np.array([8, 8, 118, 118]), RADII, "covalent radius in the GOM table")


@pytest.mark.parametrize(("number", "name"), [(0, "X"), (-1, "no element"), (119, "no el")])
def test_number_that_is_no_element_is_refused(number, name):
    known = valence_vectors().any(axis=1)
    with pytest.raises(ElementError, match=rf"atom 0 \({name}.*Z={number}\)"):
        require(np.array([number]), known, "valence configuration")


def test_covered_elements_are_listed_as_ranges():
    known = np.array([False, True, True, False, True])
    with pytest.raises(ElementError, match=r"\(Z 1-2, 4\)"):
        require(np.array([3]), known, "radius")
