"""Numbers with as many digits as their errors allow."""

from __future__ import annotations

import math
from statistics import fmean, pstdev
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

MOST = 6  # decimals


def rounded(value: float, error: float) -> str:
    """Format a value with the decimals of the first two digits of its error.

    A value of 141.27 with an error of 5.31 is "141.3", and with an error of 53 it is "141".
    Without a positive, finite error there are four decimals.
    """
    decimals = 4
    if error > 0.0 and math.isfinite(error):
        decimals = min(max(1 - math.floor(math.log10(error)), 0), MOST)
    return f"{value:.{decimals}f}"


def four_digits(value: float) -> str:
    """Format a measure of errors: with four digits, or four decimals below 1."""
    whole = len(str(int(abs(value)))) if abs(value) >= 1.0 else 0
    return f"{value:.{max(4 - whole, 0)}f}"


def mean_with_digits(values: Collection[float]) -> str:
    """Format the mean of values with the digits that its standard error allows."""
    numbers = [float(value) for value in values]
    return rounded(fmean(numbers), pstdev(numbers) / math.sqrt(len(numbers)))
