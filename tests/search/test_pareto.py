"""Pareto fronts have all points that no other is better than, and no more."""

import numpy as np
import pytest

from ase_orbital.errors import SettingError
from ase_orbital.search import pareto_front


def test_front_of_two_objectives():
    points = [(3, 1), (1, 3), (2, 2), (3, 3), (2, 3), (1, 4)]
    assert pareto_front(points).tolist() == [1, 2, 0]


def test_equal_points_stay_together():
    assert pareto_front([(1, 2), (1, 2), (2, 2)]).tolist() == [0, 1]


def test_front_of_random_points_is_what_dominance_says():
    points = np.random.default_rng(0).integers(0, 6, (60, 3))
    front = set(pareto_front(points).tolist())
    for index, point in enumerate(points):
        better = [all(other <= point) and any(other < point) for other in points]
        assert (index in front) != any(better)


def test_one_objective_has_its_least_value_as_front():
    assert pareto_front([[3.0], [1.0], [2.0]]).tolist() == [1]
    assert pareto_front(np.empty((0, 2))).tolist() == []


@pytest.mark.parametrize(
    "values", [[1.0, 2.0], [[1.0, float("nan")]], [["a", 1]], [[1], [2, 3]]]
)
def test_objectives_that_cannot_be_compared(values):
    with pytest.raises(SettingError, match="one row of finite numbers"):
        pareto_front(values)
