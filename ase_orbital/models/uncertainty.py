"""Calibration of the uncertainty that an ensemble reports.

The members of an ensemble share data, architecture and mistakes: their standard deviation s
ranks predictions, but is smaller than the errors. It is scaled to
`scale * sqrt(s^2 + floor^2)`, which is fitted to the validation set.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = NDArray[np.floating[Any]]

NOMINAL = 0.90  # probability of the central interval for calibration and coverage
HALF_WIDTH = 1.6448536269514722  # of that interval, in normal standard deviations


@dataclass(frozen=True)
class Calibration:
    """Scale and floor that turn the deviation of members into a standard deviation.

    Parameters
    ----------
    scale
        Factor of the standard deviation.
    floor
        Standard deviation that is added in quadrature, in the unit of the target, for
        members that agree by chance.
    """

    scale: float = 1.0
    floor: float = 0.0

    def std(self, variance: torch.Tensor) -> torch.Tensor:
        """Calibrate the variance between members, and return the standard deviation."""
        return self.scale * torch.sqrt(variance + self.floor**2)

    @classmethod
    def fit(cls, known: Values, predicted: Values, std: Values) -> Calibration:
        """Calibrate on crystals that the members were not trained on.

        All arrays are [n_crystals]; `predicted` and `std` are the mean and the standard
        deviation of the members. The floor is the median standard deviation. With the
        scale, 90 % of the known values are in the 90 % interval around the predictions.
        """
        floor = float(np.median(std))
        raw = np.sqrt(np.square(std) + floor**2)
        ratio = np.abs(predicted - known) / np.maximum(raw, np.finfo(float).tiny)
        return cls(float(np.quantile(ratio, NOMINAL)) / HALF_WIDTH, floor)


def coverage(known: Values, predicted: Values, std: Values) -> float:
    """Fraction of known values in the nominal 90 % interval of their predictions."""
    return float((np.abs(predicted - known) <= HALF_WIDTH * std).mean())
