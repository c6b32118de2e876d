"""How far predictions are from what is known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torchmetrics.functional.classification import (
    binary_auroc,
    binary_f1_score,
    binary_roc,
    multiclass_accuracy,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = NDArray[np.floating[Any]]

NOMINAL = 0.90  # of the interval whose coverage is reported
HALF_WIDTH = 1.6448536269514722  # of that interval, in standard deviations of a normal


def regression(known: Values, predicted: Values) -> dict[str, float]:
    """Mean absolute error, root mean square error, R and R2 of [n] numbers.

    R is Pearson's correlation, R2 the share of the variance explained; both are NaN where
    all known values are equal.
    """
    error = predicted - known
    known_variance = float(np.var(known))
    varies = known_variance > 0 and float(np.var(predicted)) > 0
    return {
        "mae": float(np.abs(error).mean()),
        "rmse": float(np.sqrt(np.square(error).mean())),
        "r": float(np.corrcoef(known, predicted)[0, 1]) if varies else float("nan"),
        "r2": 1.0 - float(np.square(error).mean()) / known_variance
        if known_variance > 0
        else float("nan"),
    }


def classification(known: Values, probability: Values) -> dict[str, float]:
    """Accuracy, balanced accuracy, area under the ROC curve and F1 of [n] probabilities.

    Class 1 is predicted from a probability of 1/2; the area is NaN where there is only one
    class.
    """
    truth, score = torch.from_numpy(known).long(), torch.from_numpy(probability).double()
    guess = (score >= 0.5).long()
    both = 0 < int(truth.sum()) < len(truth)
    return {
        "accuracy": float((guess == truth).double().mean()),
        "balanced_accuracy": float(multiclass_accuracy(guess, truth, 2, average="macro")),
        "roc_auc": float(binary_auroc(score, truth)) if both else float("nan"),
        "f1": float(binary_f1_score(score, truth)),
    }


def roc(known: Values, probability: Values) -> tuple[Values, Values]:
    """False and true positive rates along all thresholds."""
    false, true, _ = binary_roc(
        torch.from_numpy(probability).double(), torch.from_numpy(known).long()
    )
    return false.numpy(), true.numpy()


def coverage(known: Values, predicted: Values, spread: Values) -> float:
    """Share of known values within the nominal 90 % interval of a spread."""
    return float((np.abs(predicted - known) <= HALF_WIDTH * spread).mean())


def calibration(known: Values, predicted: Values, deviation: Values) -> tuple[float, float]:
    """Scale and floor that make members' standard deviation a spread.

    The spread is scale * sqrt(deviation^2 + floor^2). A few members agree by chance now and
    then: the floor, the median deviation, keeps that from passing for certainty. The scale
    makes 90 % of these crystals lie in the nominal 90 % interval.
    """
    floor = float(np.median(deviation))
    raw = np.sqrt(np.square(deviation) + floor**2)
    ratio = np.abs(predicted - known) / np.maximum(raw, np.finfo(float).tiny)
    return float(np.quantile(ratio, NOMINAL)) / HALF_WIDTH, floor
