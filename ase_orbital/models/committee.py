"""Mean and standard deviation of several models: members of an ensemble, or a committee."""

from __future__ import annotations

import math
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple, Protocol

import torch

from ase_orbital.properties import IN_DOMAIN, STD

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from torch import Tensor


class Prediction(NamedTuple):
    """Predictions of one model, [n_structures] each.

    The last two are None if they were not predicted.
    """

    property_name: str
    value: Tensor
    std: Tensor | None = None
    in_domain: Tensor | None = None


class PropertyModel(Protocol):
    """A model whose predictions can be combined with those of others."""

    property_name: str
    has_std: bool  # whether the model itself predicts a standard deviation


def mean_and_variance(
    values: Tensor, variances: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Combine the predictions of several models, [n_models, ...].

    The variance is the mean of the `variances` that the models predict themselves, zero for
    those that predict none, plus the variance between the models (with n - 1 degrees of
    freedom).
    """
    mean = values.mean(0)
    variance = torch.zeros_like(mean) if variances is None else variances.mean(0)
    if len(values) > 1:
        variance = variance + values.var(0)
    return mean, variance


def mean_log_probability(log_probabilities: Tensor) -> Tensor:
    """Logarithm of the mean probability of several models, from [n_models, ...]."""
    return torch.logsumexp(log_probabilities, 0) - math.log(len(log_probabilities))


def property_names(models: Iterable[PropertyModel]) -> list[str]:
    """Names that `combine` returns for the predictions of these models."""
    with_std: dict[str, bool] = {}
    for model in models:
        name = model.property_name
        with_std[name] = name in with_std or model.has_std
    names = [[name] + [name + STD] * has_std for name, has_std in with_std.items()]
    return list(chain.from_iterable(names))


def combine(predictions: Sequence[Prediction]) -> dict[str, Tensor]:
    """Combine the predictions of models, property by property.

    Returns
    -------
    dict of [n_structures]
        The mean for each property; also its standard deviation, as `<property>_std`, if
        several models predict the property or one of them predicts a standard deviation;
        and `in_domain` if the predictions have it: the least of them.
    """
    by_name: dict[str, list[Prediction]] = {}
    for prediction in predictions:
        by_name.setdefault(prediction.property_name, []).append(prediction)
    combined = {}
    for name, members in by_name.items():
        if len(members) == 1:  # exactly what the model says
            combined[name] = members[0].value
            if members[0].std is not None:
                combined[name + STD] = members[0].std
            continue
        values = torch.stack([member.value for member in members])
        stds = [
            torch.zeros_like(each.value) if each.std is None else each.std
            for each in members
        ]
        combined[name], variance = mean_and_variance(values, torch.stack(stds).square())
        combined[name + STD] = torch.sqrt(variance)
    inside = [each.in_domain for each in predictions if each.in_domain is not None]
    if inside:
        combined[IN_DOMAIN] = torch.stack(inside).amin(0)
    return combined
