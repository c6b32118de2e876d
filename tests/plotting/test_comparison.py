"""Models and training sets are compared by their errors."""

import numpy as np
import pytest

from ase_orbital.plotting import compare_models, learning_curve

RANDOM = np.random.default_rng(0)
KNOWN = RANDOM.gamma(2.0, 1.0, 200)
PREDICTED = KNOWN + RANDOM.normal(0.0, 0.2, 200)


def test_models_are_compared_by_name_and_error(texts):
    errors = {"EOSNet": PREDICTED - KNOWN, "OCrystalNet": 2.0 * (PREDICTED - KNOWN)}
    axes = compare_models(errors, unit="eV").axes[0]
    mean = np.abs(PREDICTED - KNOWN).mean()
    assert f"EOSNet, MAE {mean:.4f}" in texts(axes)
    assert f"OCrystalNet, MAE {2 * mean:.4f}" in texts(axes)
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
