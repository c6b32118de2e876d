"""What the pictures show is what they were given."""

import numpy as np
import pytest

from ase_orbital.plotting import (
    compare_models,
    error_by_element,
    error_by_size,
    learning_curve,
    parity,
    roc_curves,
    training_history,
)
from ase_orbital.training.metrics import roc

RANDOM = np.random.default_rng(0)
KNOWN = RANDOM.gamma(2.0, 1.0, 200)
PREDICTED = KNOWN + RANDOM.normal(0.0, 0.2, 200)


def texts(axes):
    legend = axes.get_legend()
    lines = [] if legend is None else [text.get_text() for text in legend.get_texts()]
    return "\n".join([text.get_text() for text in axes.texts] + lines)


def test_parity_has_every_point_and_the_measures(tmp_path):
    figure = parity(KNOWN, PREDICTED, label="band_gap", unit="eV")
    axes = figure.axes[0]
    points = np.asarray(axes.collections[0].get_offsets())
    expected = np.column_stack([KNOWN, PREDICTED])
    np.testing.assert_allclose(np.sort(points, axis=0), np.sort(expected, axis=0))
    assert axes.get_xlabel() == "known band gap (eV)"
    assert axes.get_ylabel() == "predicted band gap (eV)"
    assert axes.get_xlim() == axes.get_ylim()
    assert f"MAE {np.abs(PREDICTED - KNOWN).mean():.4f} eV" in texts(axes)
    assert "200 crystals" in texts(axes)
    figure.savefig(tmp_path / "parity.png")
    assert (tmp_path / "parity.png").stat().st_size > 10_000


def test_parity_rings_what_is_outside_the_domain():
    inside = np.arange(200) % 50 > 0
    axes = parity(KNOWN, PREDICTED, in_domain=inside).axes[0]
    rings = np.asarray(axes.collections[1].get_offsets())
    np.testing.assert_allclose(rings[:, 0], KNOWN[~inside])
    assert "outside the domain" in texts(axes)


@pytest.mark.parametrize("n_crystals", [1, 2, 7])
def test_few_crystals_can_be_drawn(n_crystals, tmp_path):
    known, predicted = KNOWN[:n_crystals], PREDICTED[:n_crystals]
    numbers = [[3, 8 + index] for index in range(n_crystals)]
    for figure in (
        parity(known, predicted, label="band_gap", unit="eV"),
        error_by_element(numbers, predicted - known, unit="eV"),
        error_by_size([2] * n_crystals, predicted - known, unit="eV"),
    ):
        figure.savefig(tmp_path / "picture.png")


def test_roc_shows_the_area():
    truth = (RANDOM.random(300) < 0.4).astype(float)
    scores = np.clip(0.3 * truth + RANDOM.random(300) * 0.7, 0, 1)
    false, true = roc(truth, scores)
    axes = roc_curves({"EOSNet": (false, true)}).axes[0]
    pairs = scores[truth == 1][:, None] - scores[truth == 0]
    area = np.mean(np.where(pairs > 0, 1.0, np.where(pairs == 0, 0.5, 0.0)))
    assert f"area {area:.4f}" in texts(axes)


def test_elements_are_ordered_by_their_error():
    numbers = [[8, 11]] * 10 + [[8, 26]] * 10 + [[8, 92]] * 2
    error = np.array([0.1] * 10 + [-0.3] * 10 + [9.0] * 2)
    axes = error_by_element(numbers, error, unit="eV").axes[0]
    labels = [label.get_text() for label in axes.get_xticklabels()]
    assert labels == ["O", "Fe", "Na"]  # U is in two crystals only
    heights = [bar.get_height() for bar in axes.patches]
    np.testing.assert_allclose(heights, [22 / 22, 0.3, 0.1])


def test_sizes_are_in_classes_with_their_counts():
    sizes = np.repeat([2, 4, 10, 40], 50)
    axes = error_by_size(sizes, np.repeat([0.1, 0.2, 0.3, 0.4], 50)).axes[0]
    labels = [label.get_text() for label in axes.get_xticklabels()]
    assert sum(int(label.split("(")[1][:-1]) for label in labels) == 200
    assert labels[0].startswith("2")


def test_models_are_compared_by_name_and_error():
    errors = {"EOSNet": PREDICTED - KNOWN, "OCrystalNet": 2.0 * (PREDICTED - KNOWN)}
    axes = compare_models(errors, unit="eV").axes[0]
    mean = np.abs(PREDICTED - KNOWN).mean()
    assert f"EOSNet, MAE {mean:.4f}" in texts(axes)
    assert f"OCrystalNet, MAE {2 * mean:.4f}" in texts(axes)
    share = axes.lines[0].get_ydata()
    assert share[-1] == pytest.approx(100.0)


def test_a_learning_curve_says_its_slope():
    sizes = [100, 400, 1600]
    axes = learning_curve(sizes, {"EOSNet": [0.4, 0.2, 0.1]}, unit="eV").axes[0]
    assert "slope -0.50" in texts(axes)
    assert [label.get_text() for label in axes.get_xticklabels()] == ["100", "400", "1,600"]
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        "0.1", "0.15", "0.2", "0.3", "0.4",
    ]  # fmt: skip
    assert axes.get_ylabel() == "mean absolute error (eV)"


def test_a_history_has_a_line_a_set():
    figure = training_history({"train": [1.0, 0.5], "validation": [1.1, 0.7]})
    assert [line.get_label() for line in figure.axes[0].lines] == ["train", "validation"]
