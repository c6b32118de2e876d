"""Metrics agree with closed forms and cases counted by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ase_orbital.models.uncertainty import HALF_WIDTH
from ase_orbital.training.metrics import (
    class_reliability,
    classification,
    coverage,
    error_by_std,
    regression,
    roc,
)

KNOWN = np.array([1.0, 2.0, 3.0, 6.0])
NUMBERS = st.floats(-100.0, 100.0)


def test_regression_metrics_agree_with_hand_counts():
    metrics = regression(KNOWN, KNOWN + np.array([1.0, -1.0, 3.0, -1.0]))
    assert metrics["mae"] == pytest.approx(6.0 / 4.0)
    assert metrics["rmse"] == pytest.approx(np.sqrt(12.0 / 4.0))
    # The squared deviations from the mean, 3, are 4, 1, 0 and 9.
    assert metrics["r2"] == pytest.approx(1.0 - 12.0 / 14.0)


def test_correlation_ignores_scale_and_offset_and_r2_does_not():
    metrics = regression(KNOWN, 0.5 * KNOWN + 7.0)
    assert metrics["r"] == pytest.approx(1.0)
    assert metrics["r2"] < 0.0
    assert regression(KNOWN, -KNOWN)["r"] == pytest.approx(-1.0)


def test_predicting_the_mean_explains_no_variance():
    metrics = regression(KNOWN, np.full(4, KNOWN.mean()))
    assert metrics["r2"] == pytest.approx(0.0)
    assert np.isnan(metrics["r"])


@pytest.mark.parametrize("value", [0.1, 0.0, -3.3])
def test_equal_values_have_neither_r_nor_r2(value):
    """0.1 three times has a variance above zero, by rounding."""
    metrics = regression(np.full(3, value), np.array([0.1, 0.2, 0.3]))
    assert np.isnan(metrics["r"])
    assert np.isnan(metrics["r2"])
    assert np.isfinite(metrics["mae"])


@settings(deadline=None, derandomize=True)
@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=20))
def test_the_mean_error_is_at_most_the_root_mean_square(pairs):
    known, predicted = np.array(pairs).T
    metrics = regression(known, predicted)
    assert metrics["mae"] <= metrics["rmse"] + 1e-9
    assert metrics["rmse"] <= np.abs(known - predicted).max() + 1e-9


def test_classification_metrics_agree_with_hand_counts():
    """Two of three in class 1 are found, one of two in class 0; 5 of 6 pairs in order."""
    known = np.array([1.0, 1.0, 1.0, 0.0, 0.0])
    metrics = classification(known, np.array([0.9, 0.8, 0.2, 0.6, 0.1]))
    assert metrics["accuracy"] == pytest.approx(3 / 5)
    assert metrics["accuracy_of_majority"] == pytest.approx(3 / 5)
    assert metrics["balanced_accuracy"] == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert metrics["f1"] == pytest.approx(2 * 2 / (2 * 2 + 1 + 1))
    assert metrics["roc_auc"] == pytest.approx(5 / 6)


def test_ties_count_half_in_the_area():
    metrics = classification(np.array([1.0, 0.0]), np.array([0.3, 0.3]))
    assert metrics["roc_auc"] == pytest.approx(0.5)


def test_one_half_is_class_1_in_every_metric():
    metrics = classification(np.array([1.0, 0.0]), np.array([0.5, 0.1]))
    assert metrics["accuracy"] == metrics["balanced_accuracy"] == metrics["f1"] == 1.0


def test_one_class_has_no_area_and_the_recall_of_that_class():
    metrics = classification(np.ones(4), np.array([0.6, 0.4, 0.7, 0.2]))
    assert np.isnan(metrics["roc_auc"])
    assert metrics["balanced_accuracy"] == pytest.approx(0.5)


def test_a_probability_above_one_by_rounding_changes_nothing():
    known, exact = np.array([1.0, 0.0, 0.0, 1.0]), np.array([1.0, 0.4, 0.2, 0.1])
    rounded = np.array([1.0 + 1e-7, 0.4, 0.2, 0.1])
    assert classification(known, rounded) == classification(known, exact)


@settings(deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.booleans(), st.floats(0.0, 1.0)), min_size=2, max_size=30))
def test_the_area_is_the_share_of_pairs_in_order(pairs):
    known = np.array([float(truth) for truth, _ in pairs])
    score = np.array([score for _, score in pairs])
    if len(set(known)) == 2:
        gap = score[known == 1.0][:, None] - score[known == 0.0][None, :]
        share = float(((gap > 0) + 0.5 * (gap == 0)).mean())
        assert classification(known, score)["roc_auc"] == pytest.approx(share, abs=1e-6)


def test_the_roc_curve_runs_from_corner_to_corner_and_up():
    known, score = np.array([0.0, 1.0, 0.0, 1.0]), np.array([0.1, 0.4, 0.6, 0.9])
    false, true = roc(known, score)
    assert (false[0], true[0]) == (0.0, 0.0)
    assert (false[-1], true[-1]) == (1.0, 1.0)
    assert (np.diff(false) >= 0).all()
    assert np.trapezoid(true, false) == pytest.approx(3 / 4)


def test_coverage_of_intervals_is_nominal_for_normal_errors():
    random = np.random.default_rng(0)
    std = random.uniform(0.5, 2.0, 20_000)
    error = std * random.normal(size=20_000)
    nominal = np.array([0.1, 0.5, 0.9])
    found = coverage(np.zeros(20_000), error, std, nominal)
    np.testing.assert_allclose(found, nominal, atol=0.02)


def test_coverage_counts_what_lies_within_90_percent_of_a_normal():
    normal = np.random.default_rng(0).normal(size=20_000)
    zero = np.zeros_like(normal)
    assert coverage(normal, zero, np.ones_like(normal)) == pytest.approx(0.9, abs=0.01)
    assert coverage(zero + 1.0, zero, zero + 1.0 / HALF_WIDTH + 1e-9) == 1.0
    assert coverage(zero + 1.0, zero, zero + 1.0 / HALF_WIDTH - 1e-9) == 0.0


def test_errors_are_grouped_by_ascending_std():
    std = np.array([4.0, 1.0, 3.0, 2.0])
    spread, error = error_by_std(np.zeros(4), 2.0 * std, std, n_groups=2)
    np.testing.assert_allclose(spread, np.sqrt([2.5, 12.5]))
    np.testing.assert_allclose(error, 2.0 * spread)


def test_reliability_compares_probability_and_share():
    probability = np.array([0.1, 0.15, 0.9, 1.0])
    mean, share = class_reliability(np.array([0.0, 1.0, 1.0, 1.0]), probability)
    np.testing.assert_allclose(mean, [0.125, 0.95])
    np.testing.assert_allclose(share, [0.5, 1.0])
