"""Columns have label, unit and kind, and missing values are None."""

import math

import pandas
import pytest

from ase_orbital.report.records import (
    columns_of,
    kind_of,
    plain_numbers,
    shown_unit,
    std_of,
)


def test_columns_are_described():
    frame = pandas.DataFrame(
        {
            "formula": ["NaCl", None],
            "band_gap": [1.0, math.nan],
            "band_gap_std": [0.1, math.nan],
            "in_domain": [1.0, math.nan],
            "mine": [1, 2],
        }
    )
    formula, gap, std, inside, mine = columns_of(frame, {"mine": "GPa"}, {"mine": "My own"})
    assert formula["values"] == ["NaCl", None]
    assert gap["std"] == "band_gap_std"
    assert std["hidden"]
    assert (gap["label"], gap["unit"], gap["kind"]) == ("band gap", "eV", "number")
    assert (inside["kind"], inside["unit"], inside["values"]) == ("flag", "", [1, None])
    assert (mine["label"], mine["unit"], mine["values"]) == ("My own", "GPa", [1, 2])


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, 2], "number"),
        ([1.5, None], "number"),
        ([True, None], "flag"),
        (["a", None], "text"),
        ([None, None], "text"),
    ],
)
def test_kinds_follow_from_the_values(values, kind):
    assert kind_of(pandas.Series(values, name="x")) == kind


def test_columns_of_several_models_have_the_unit_of_their_property():
    assert shown_unit("band_gap_eosnet_mp", {}) == "eV"
    assert shown_unit("metal_probability", {}) == ""
    assert shown_unit("unknown", {}) == ""
    assert std_of("band_gap_std_eosnet") == "band_gap_eosnet"
    assert std_of("band_gap") is None


def test_numbers_have_six_digits():
    found = plain_numbers([1.23456789, 2.0, math.nan, math.inf, 1.23456789e-9])
    assert found == [1.23457, 2, None, None, 1.23457e-9]
    assert isinstance(found[1], int)
