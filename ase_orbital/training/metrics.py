"""Metrics of predictions: errors, classification scores and coverage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from scipy.special import erfinv
from torchmetrics.functional.classification import (
    binary_auroc,
    binary_f1_score,
    binary_roc,
)

from ase_orbital.models.uncertainty import NOMINAL

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray
    from torch import Tensor

    Values = NDArray[np.floating[Any]]


def regression(known: Values, predicted: Values) -> dict[str, float]:
    """Return mean absolute error, root mean square error, R and R2 of [n] numbers.

    R is Pearson's correlation, and R2 the share of the variance that is explained. Both are
    NaN if all known values are equal, and R also if all predicted values are.
    """
    error = predicted - known
    r = r2 = float("nan")
    if _vary(known) and _vary(predicted):
        r = float(np.corrcoef(known, predicted)[0, 1])
    if _vary(known):
        r2 = 1.0 - float(np.square(error).mean() / np.var(known))
    return {
        "mae": float(np.abs(error).mean()),
        "rmse": float(np.sqrt(np.square(error).mean())),
        "r": r,
        "r2": r2,
    }


def _vary(values: Values) -> bool:
    # The tolerance is for rounding: the variance of 0.1, 0.1 and 0.1 is above zero.
    return bool(np.ptp(values) > 1e-12 * np.abs(values).max() + 1e-100)


def classification(known: Values, probability: Values) -> dict[str, float]:
    """Return accuracy, balanced accuracy, area under the ROC curve and F1.

    The accuracy is also that of predicting the more frequent class for all crystals.

    Class 1 is predicted where its probability is at least 1/2. The balanced accuracy is the
    mean of the recalls of the classes that occur. The area is NaN if only one occurs.

    Parameters
    ----------
    known, probability : [n]
        Classes, 0 or 1, and probabilities of class 1.
    """
    truth, score = _as_tensors(known, probability)
    guess = (score >= 0.5).long()
    right = (guess == truth).double()
    recalls = [right[truth == kind].mean() for kind in truth.unique()]
    both = len(recalls) == 2
    share = float(truth.double().mean())
    return {
        "accuracy": float(right.mean()),
        "accuracy_of_majority": max(share, 1.0 - share),
        "balanced_accuracy": float(torch.stack(recalls).mean()),
        "roc_auc": float(binary_auroc(score, truth)) if both else float("nan"),
        "f1": float(binary_f1_score(guess, truth)),
    }


def roc(known: Values, probability: Values) -> tuple[Values, Values]:
    """Return the false and true positive rates at all thresholds."""
    truth, score = _as_tensors(known, probability)
    false, true, _ = binary_roc(score, truth)
    return false.numpy(), true.numpy()


def _as_tensors(known: Values, probability: Values) -> tuple[Tensor, Tensor]:
    # Rounding may give a probability above 1, and torchmetrics then reads all as logits.
    score = torch.from_numpy(probability).double().clamp(0.0, 1.0)
    return torch.from_numpy(known).long(), score


def coverage(
    known: Values, predicted: Values, std: Values, nominal: ArrayLike = NOMINAL
) -> Values:
    """Return the share of known values inside central intervals of nominal probability.

    Parameters
    ----------
    known, predicted, std : [n]
        Known values, predictions, and their standard deviations.
    nominal : number or [n_intervals]
        Probabilities of the intervals of a normal distribution.

    Returns
    -------
    [] or [n_intervals]
    """
    half_widths = np.sqrt(2.0) * erfinv(nominal)
    inside = np.abs(predicted - known) <= np.multiply.outer(half_widths, std)
    return np.asarray(inside.mean(axis=-1))


def error_by_std(
    known: Values, predicted: Values, std: Values, n_groups: int = 10
) -> tuple[Values, Values]:
    """Return root mean squares of the standard deviations and errors, group by group.

    The groups have equal size, and ascending standard deviations.
    """
    groups = np.array_split(np.argsort(std), min(n_groups, len(std)))
    pairs = [
        [np.sqrt(np.square(values[group]).mean()) for group in groups]
        for values in (std, predicted - known)
    ]
    return np.array(pairs[0]), np.array(pairs[1])


def class_reliability(
    known: Values, probability: Values, n_groups: int = 10
) -> tuple[Values, Values]:
    """Return mean probability and share of class 1 in equal intervals of probability.

    Intervals without a crystal are left out.
    """
    place = np.minimum((probability * n_groups).astype(int), n_groups - 1)
    groups = [place == index for index in range(n_groups) if (place == index).any()]
    return (
        np.array([probability[group].mean() for group in groups]),
        np.array([known[group].mean() for group in groups]),
    )
