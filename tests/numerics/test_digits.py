"""Numbers are printed with the digits that their errors allow."""

import math

import pytest

from ase_orbital.numerics.digits import four_digits, mean_with_digits, rounded


@pytest.mark.parametrize(
    ("value", "error", "expected"),
    [
        (141.27, 5.31, "141.3"), (141.27, 53.1, "141"), (141.27, 531.0, "141"),
        (0.00512, 0.12, "0.01"), (0.12, 0.12, "0.12"), (-1.23456, 0.0098, "-1.2346"),
        (1.0, 1e-12, "1.000000"), (1.0, 0.0, "1.0000"), (1.0, math.nan, "1.0000"),
    ],
)  # fmt: skip
def test_two_digits_of_the_error_are_kept(value, error, expected):
    assert rounded(value, error) == expected


def test_a_mean_has_the_digits_of_its_standard_error():
    assert mean_with_digits([1.0, 2.0, 3.0, 4.0]) == "2.50"
    assert mean_with_digits([0.25]) == "0.2500"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.03, "0.0300"), (0.99999, "1.0000"), (1.8912, "1.891"), (33.4036, "33.40"),
        (328.779, "328.8"), (12345.6, "12346"), (-33.4036, "-33.40"), (math.nan, "nan"),
    ],
)  # fmt: skip
def test_measures_of_errors_have_four_digits(value, expected):
    assert four_digits(value) == expected
