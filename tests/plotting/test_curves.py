"""Curves show the errors and losses of each model."""

import numpy as np
import pytest

from ase_orbital.numerics.digits import mean_with_digits
from ase_orbital.plotting import (
    ablation,
    compare_models,
    learning_curve,
    roc_curves,
    training_history,
)
from ase_orbital.training.metrics import roc

RANDOM = np.random.default_rng(0)
KNOWN = RANDOM.gamma(2.0, 1.0, 200)
PREDICTED = KNOWN + RANDOM.normal(0.0, 0.2, 200)


def test_models_are_compared_by_name_and_error(texts):
    errors = {"EOSNet": PREDICTED - KNOWN, "OCrystalNet": 2.0 * (PREDICTED - KNOWN)}
    axes = compare_models(errors, unit="eV").axes[0]
    size = np.abs(PREDICTED - KNOWN)
    assert f"EOSNet, MAE {mean_with_digits(size)}" in texts(axes)
    assert f"OCrystalNet, MAE {mean_with_digits(2.0 * size)}" in texts(axes)
    share = axes.lines[0].get_ydata()
    assert share[-1] == pytest.approx(100.0)


def test_a_learning_curve_has_its_slope_in_the_legend(texts):
    sizes = [100, 400, 1600]
    axes = learning_curve(sizes, {"EOSNet": [0.4, 0.2, 0.1]}, unit="eV").axes[0]
    assert "slope -0.50" in texts(axes)
    assert [label.get_text() for label in axes.get_xticklabels()] == ["100", "400", "1,600"]
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        "0.1", "0.15", "0.2", "0.3", "0.4",
    ]  # fmt: skip
    assert axes.get_ylabel() == "mean absolute error (eV)"


def test_each_set_has_a_line():
    figure = training_history({"train": [1.0, 0.5], "validation": [1.1, 0.7]})
    assert [line.get_label() for line in figure.axes[0].lines] == ["train", "validation"]
    assert list(figure.axes[0].lines[1].get_ydata()) == [1.1, 0.7]
    assert figure.axes[0].get_yscale() == "log"


def test_the_legend_has_the_area_under_the_curve(texts):
    truth = (RANDOM.random(300) < 0.4).astype(float)
    scores = np.clip(0.3 * truth + RANDOM.random(300) * 0.7, 0, 1)
    false, true = roc(truth, scores)
    axes = roc_curves({"EOSNet": (false, true)}).axes[0]
    pairs = scores[truth == 1][:, None] - scores[truth == 0]
    area = np.mean(np.where(pairs > 0, 1.0, np.where(pairs == 0, 0.5, 0.0)))
    assert f"area {area:.4f}" in texts(axes)


def test_an_ablation_has_a_bar_for_each_network_and_descriptor(texts):
    errors = {
        "EOSNet": {"one-hot": 0.147, "GOM": 0.342},
        "OCrystalNet": {"one-hot": 0.173, "GOM": 0.366},
    }
    axes = ablation(errors, unit="eV/atom").axes[0]
    assert [bar.get_height() for bar in axes.patches] == [0.147, 0.342, 0.173, 0.366]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["one-hot", "GOM"]
    assert {"0.147", "0.366", "OCrystalNet"} <= set(texts(axes).split("\n"))
    assert axes.get_ylabel() == "mean absolute error (eV/atom)"
