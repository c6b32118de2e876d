"""Elemental features against the file of jarvis-tools they were taken from."""

import json
from importlib.metadata import distributions
from pathlib import Path

import numpy as np
import pytest

from ase_orbital.elements import SYMBOLS, jarvis_features

KEYS = Path(__file__).parents[2].parent / "shared" / "reference" / "jarvis_438_keys.txt"
UNFILLED = "Xe Pm Eu Po At Rn Fr Ra Ac Pa Np Pu Am Cm Bk Cf Es Fm Md No Lr"


@pytest.fixture(scope="module")
def source():
    version = jarvis_features().source.split()[-1]
    for jarvis in distributions(name="jarvis-tools"):
        if jarvis.version == version:
            path = jarvis.locate_file("jarvis/core/Elements.json")
            return json.loads(Path(path).read_text())
    return pytest.skip(f"needs jarvis-tools {version}")


def raw(symbol, key):
    table = jarvis_features()
    column = table.keys.index(key)
    value = table.values[SYMBOLS.index(symbol), column]
    return value * table.scale[column] + table.mean[column]


@pytest.mark.parametrize(
    ("symbol", "key", "value"),
    [("Fe", "Z", 26), ("Fe", "X", 1.83), ("Ni", "KV", 200.367), ("Pr", "GV", 17.733)],
)
def test_values_come_back_in_the_units_of_the_source(symbol, key, value):
    assert raw(symbol, key) == pytest.approx(value, rel=1e-12)


def test_every_value_is_that_of_the_source(source):
    table = jarvis_features()
    values = table.values * table.scale + table.mean
    for symbol, features in source.items():
        row = SYMBOLS.index(symbol)
        expected = np.array([float(features[key]) for key in table.keys])
        np.testing.assert_array_equal(table.missing[row], expected == -9999)
        there = ~table.missing[row]
        np.testing.assert_allclose(
            values[row, there], expected[there], rtol=1e-9, atol=1e-9
        )


@pytest.mark.skipif(not KEYS.exists(), reason="reference data is not here")
def test_keys_are_in_the_reference_order():
    assert list(jarvis_features().keys) == KEYS.read_text().split()


def test_columns_are_standardized_over_the_elements_that_have_them():
    table = jarvis_features()
    values = np.ma.array(table.values, mask=table.missing)
    constant = np.ma.ptp(values, axis=0) == 0
    assert constant.sum() == 16
    np.testing.assert_allclose(values.mean(axis=0), 0.0, atol=1e-12)
    np.testing.assert_allclose(values.std(axis=0)[~constant], 1.0, rtol=1e-12)
    np.testing.assert_array_equal(table.scale[constant], 1.0)


def test_twenty_one_elements_are_incomplete():
    incomplete = np.flatnonzero(jarvis_features().missing.any(axis=1))
    assert {SYMBOLS[number] for number in incomplete} == {"X", *UNFILLED.split()}


def test_every_element_has_a_number_a_mass_and_an_electronegativity():
    table = jarvis_features()
    columns = [table.keys.index(key) for key in ("Z", "atom_mass", "X")]
    assert not table.missing[1:, columns].any()


def test_missing_values_are_zero_and_never_the_mark_of_the_source():
    table = jarvis_features()
    assert table.values.shape == table.missing.shape == (104, 438)
    assert not table.values[table.missing].any()
    assert np.abs(table.values).max() < 10
    assert not np.isclose(table.values * table.scale + table.mean, -9999).any()


@pytest.mark.parametrize("name", ["values", "missing", "mean", "scale"])
def test_table_is_read_only(name):
    assert not getattr(jarvis_features(), name).flags.writeable
