"""Errors are sorted by element and by number of atoms."""

import numpy as np
import pytest

from ase_orbital.plotting import error_by_element, error_by_size


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
    ):
        figure.savefig(tmp_path / "errors.png")
