"""Statistics that figures and reports share."""

import numpy as np
import pytest

from ase_orbital.statistics import element_errors, point_density, size_classes


def test_elements_are_ordered_by_their_error_and_rare_ones_left_out():
    numbers = [[8, 11, 11]] * 10 + [[8, 26]] * 10 + [[8, 92]] * 2
    error = [0.1] * 10 + [-0.3] * 10 + [9.0] * 2
    found = element_errors(numbers, error)
    assert [(one.number, one.n_crystals) for one in found] == [(8, 22), (26, 10), (11, 10)]
    assert [one.mean for one in found] == pytest.approx([1.0, 0.3, 0.1])


def test_rare_elements_stay_if_there_are_no_others():
    assert [one.number for one in element_errors([[3], [4]], [0.1, 0.2])] == [4, 3]


def test_every_cell_is_in_one_class_of_sizes():
    sizes = np.array([2, 2, 4, 5, 6, 40, 80, 80, 3])
    classes = size_classes(sizes)
    members = np.concatenate([members for _, members in classes])
    assert sorted(members) == list(range(len(sizes)))
    for label, members in classes:
        low, _, high = label.partition("–")
        assert sizes[members].min() == int(low)
        assert sizes[members].max() == int(high or low)


def test_cells_of_one_size_are_one_class():
    ((label, members),) = size_classes([5, 5, 5])
    assert label == "5"
    assert members.tolist() == [0, 1, 2]


def test_the_density_is_highest_where_points_are():
    x = np.concatenate([np.full(50, 0.5), [0.05, 0.95]])
    density = point_density(x, x, (0.0, 1.0))
    assert density[:50].min() > density[50:].max()
