"""Mean and standard deviation of several models against their definition."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from ase_orbital.models.committee import (
    Prediction,
    combine,
    mean_and_variance,
    mean_log_probability,
    property_names,
)

VALUES = torch.tensor([[1.0, 2.0], [2.0, 2.0], [6.0, 5.0]], dtype=torch.float64)
STDS = torch.tensor([[0.3, 0.0], [0.4, 0.2], [0.0, 0.6]], dtype=torch.float64)


def test_the_variance_is_that_between_models():
    mean, variance = mean_and_variance(VALUES)
    np.testing.assert_allclose(mean, VALUES.numpy().mean(0))
    np.testing.assert_allclose(variance, VALUES.numpy().var(0, ddof=1))


def test_the_models_own_variances_are_added():
    """Law of total variance, with the unbiased variance between the models."""
    _, variance = mean_and_variance(VALUES, STDS**2)
    expected = (STDS**2).numpy().mean(0) + VALUES.numpy().var(0, ddof=1)
    np.testing.assert_allclose(variance, expected)


def test_one_model_has_no_variance_between_models():
    mean, variance = mean_and_variance(VALUES[:1], STDS[:1] ** 2)
    assert torch.equal(mean, VALUES[0])
    assert torch.equal(variance, STDS[0] ** 2)


def test_probabilities_are_averaged_not_their_logarithms():
    probability = torch.tensor([[0.1, 0.9], [0.5, 0.7]])
    mean = mean_log_probability(probability.log()).exp()
    torch.testing.assert_close(mean, probability.mean(0))


def test_models_are_combined_by_property():
    combined = combine(
        [
            Prediction("band_gap", VALUES[0], STDS[0]),
            Prediction("energy", VALUES[1]),
            Prediction("band_gap", VALUES[2]),
            Prediction("modulus", VALUES[2], STDS[2]),
        ]
    )
    assert list(combined) == [
        "band_gap",
        "band_gap_std",
        "energy",
        "modulus",
        "modulus_std",
    ]
    between = VALUES[[0, 2]].numpy().var(0, ddof=1)
    expected = np.sqrt(between + (STDS[0] ** 2).numpy() / 2)
    np.testing.assert_allclose(combined["band_gap_std"], expected)
    assert torch.equal(combined["energy"], VALUES[1])
    assert torch.equal(combined["modulus_std"], STDS[2])


@pytest.mark.parametrize(
    ("models", "names"),
    [
        ([("band_gap", False)], ["band_gap"]),
        ([("band_gap", True)], ["band_gap", "band_gap_std"]),
        ([("band_gap", False)] * 2, ["band_gap", "band_gap_std"]),
        ([("a", False), ("b", True), ("a", False)], ["a", "a_std", "b", "b_std"]),
    ],
)
def test_names_are_those_of_the_combined_predictions(models, names):
    described = [SimpleNamespace(property_name=n, has_std=s) for n, s in models]
    assert property_names(described) == names
    predictions = [Prediction(n, VALUES[0], STDS[0] if s else None) for n, s in models]
    assert list(combine(predictions)) == names


def test_the_standard_deviation_is_differentiable():
    values = VALUES.clone().requires_grad_()

    def std(values):
        return combine([Prediction("a", value) for value in values])["a_std"]

    assert torch.autograd.gradcheck(std, values)
