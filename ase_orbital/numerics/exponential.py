"""Exponentials of many numbers, in loops that compile to vector instructions.

The one of the C library takes one number at a time, five times as long.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from ase_orbital.numerics.jit import uncompiled, vectorized

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

LEAST = -700.0  # what is less counts as this: its exponential still is a normal number
LOG2_E = 1.0 / math.log(2.0)
# log 2 in two parts: a multiple of the first, up to 2^11, is exact.
LOG_2, LOG_2_REST = 6.93147180369123816490e-01, 1.90821492927058770002e-10
ROUND = 1.5 * 2.0**52  # added and taken off, it leaves the nearest whole number
BIAS, MANTISSA = 1023, 52  # of a number in double precision: zero of its exponent, and bits
C2, C3, C4, C5, C6, C7, C8, C9, C10, C11, C12, C13 = (
    1.0 / math.factorial(power) for power in range(2, 14)
)


@vectorized
def exp_in_place(values: Floats) -> None:
    """Put $e^x$ in the place of each x up to 700, good to the last digit or two.

    $e^x = 2^k e^r$ with r at most half of log 2: the series, and k as exponent.
    """
    powers = np.empty(len(values))
    bits = powers.view(np.int64)
    for at in range(len(values)):
        x = max(values[at], LEAST)
        rounded = x * LOG2_E + ROUND
        powers[at] = rounded  # k is in its last bits
        k = rounded - ROUND
        r = (x - k * LOG_2) - k * LOG_2_REST
        high = (((C13 * r + C12) * r + C11) * r + C10) * r + C9
        series = ((((high * r + C8) * r + C7) * r + C6) * r + C5) * r + C4
        series = (series * r + C3) * r + C2
        values[at] = (series * r) * r + r + 1.0
    for at in range(len(values)):
        bits[at] = (bits[at] + BIAS) << MANTISSA
    for at in range(len(values)):
        values[at] *= powers[at]


@uncompiled(exp_in_place)
def _exp_in_place(values: Floats) -> None:
    np.exp(np.maximum(values, LEAST), out=values)
