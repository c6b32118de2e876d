"""Parity plots show each crystal; errors are sorted by element and by number of atoms."""

import numpy as np
import pytest

from ase_orbital.numerics.digits import mean_with_digits
from ase_orbital.plotting import error_by_element, error_by_size, parity

RANDOM = np.random.default_rng(0)
KNOWN = RANDOM.gamma(2.0, 1.0, 200)
PREDICTED = KNOWN + RANDOM.normal(0.0, 0.2, 200)


def test_every_point_and_the_metrics_are_drawn(tmp_path, texts):
    figure = parity(KNOWN, PREDICTED, label="band_gap", unit="eV")
    axes = figure.axes[0]
    points = np.asarray(axes.collections[0].get_offsets())
    expected = np.column_stack([KNOWN, PREDICTED])
    np.testing.assert_allclose(np.sort(points, axis=0), np.sort(expected, axis=0))
    assert axes.get_xlabel() == "known band gap (eV)"
    assert axes.get_ylabel() == "predicted band gap (eV)"
    assert axes.get_xlim() == axes.get_ylim()
    assert f"MAE {mean_with_digits(np.abs(PREDICTED - KNOWN))} eV" in texts(axes)
    assert f"R {np.corrcoef(KNOWN, PREDICTED)[0, 1]:.4f}, R² " in texts(axes)
    assert "200 crystals" in texts(axes)
    figure.savefig(tmp_path / "parity.png")
    assert (tmp_path / "parity.png").stat().st_size > 10_000


def test_crystals_outside_the_domain_have_rings(texts):
    inside = np.arange(200) % 50 > 0
    axes = parity(KNOWN, PREDICTED, in_domain=inside).axes[0]
    rings = np.asarray(axes.collections[1].get_offsets())
    np.testing.assert_allclose(rings[:, 0], KNOWN[~inside])
    assert "outside the domain" in texts(axes)


def test_elements_are_ordered_by_their_error():
    numbers = [[8, 11]] * 10 + [[8, 26]] * 10 + [[8, 92]] * 2
    error = np.array([0.1] * 10 + [-0.3] * 10 + [9.0] * 2)
    axes = error_by_element(numbers, error, unit="eV").axes[0]
    labels = [label.get_text() for label in axes.get_xticklabels()]
    assert labels == ["O", "Fe", "Na"]  # U is in two crystals only
    heights = [bar.get_height() for bar in axes.patches]
    np.testing.assert_allclose(heights, [22 / 22, 0.3, 0.1])


def test_cell_sizes_are_in_classes_with_their_counts():
    sizes = np.repeat([2, 4, 10, 40], 50)
    axes = error_by_size(sizes, np.repeat([0.1, 0.2, 0.3, 0.4], 50)).axes[0]
    labels = [label.get_text() for label in axes.get_xticklabels()]
    assert sum(int(label.split("(")[1][:-1]) for label in labels) == 200
    assert labels[0].startswith("2")


@pytest.mark.parametrize("n_crystals", [1, 2, 7])
def test_few_crystals_can_be_drawn(n_crystals, tmp_path):
    numbers = [[3, 8 + index] for index in range(n_crystals)]
    error = np.linspace(-0.1, 0.2, n_crystals)
    for figure in (
        error_by_element(numbers, error, unit="eV"),
        error_by_size([2] * n_crystals, error, unit="eV"),
        parity(KNOWN[:n_crystals], PREDICTED[:n_crystals], label="band_gap", unit="eV"),
    ):
        figure.savefig(tmp_path / "errors.png")
