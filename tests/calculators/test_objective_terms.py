"""Terms: scores and energies agree on what is better, and energies are smooth."""

import math

import numpy as np
import pytest
import torch

from ase_orbital.errors import SettingError
from ase_orbital.search import AtLeast, AtMost, Maximize, Minimize, Target

TERMS = [
    Maximize("x", 2.0),
    Minimize("x", 0.5),
    Target("x", 1.0, 3.0),
    AtMost("x", 1.0, 5.0),
    AtLeast("x", 1.0, 5.0),
]
VALUES = [-2.0, 0.0, 0.999, 1.0, 1.001, 1.5, 4.0]


def energy(term, value):
    return float(term.energy(torch.tensor(value, dtype=torch.float64)))


@pytest.mark.parametrize("term", TERMS, ids=repr)
def test_a_better_score_has_no_higher_energy(term):
    for one in VALUES:
        for other in VALUES:
            if term(one) > term(other):
                assert energy(term, one) <= energy(term, other)


@pytest.mark.parametrize(
    ("term", "value", "expected"),
    [
        (Maximize("x", 2.0), 3.0, -6.0),
        (Minimize("x", 2.0), 3.0, 6.0),
        (Target("x", 1.0, 2.0), 4.0, 18.0),
        (AtMost("x", 1.0, 2.0), 4.0, 18.0),
        (AtMost("x", 1.0, 2.0), 0.0, 0.0),
        (AtLeast("x", 1.0, 2.0), -2.0, 18.0),
        (AtLeast("x", 1.0, 2.0), 2.0, 0.0),
    ],
)
def test_energies_are_those_of_the_documentation(term, value, expected):
    assert energy(term, value) == expected


@pytest.mark.parametrize("term", TERMS, ids=repr)
def test_energies_have_continuous_derivatives(term):
    """At the target and the limit, 1, the slopes of both sides meet."""

    def slope(value):
        x = torch.tensor(value, dtype=torch.float64, requires_grad=True)
        (found,) = torch.autograd.grad(term.energy(x), x)
        return float(found)

    assert slope(1.0 - 1e-9) == pytest.approx(slope(1.0 + 1e-9), abs=1e-7)
    steps = (energy(term, 1.5 + 1e-6) - energy(term, 1.5 - 1e-6)) / 2e-6
    assert slope(1.5) == pytest.approx(steps, abs=1e-6)


def test_a_broken_constraint_is_worse_than_a_kept_one():
    at_most, at_least = AtMost("x", 1.0, 5.0), AtLeast("x", 1.0, 5.0)
    assert at_most(1.0) == at_least(1.0) == 0.0
    assert at_most(1.0 + 1e-9) == at_least(1.0 - 1e-9) == pytest.approx(-5.0)
    assert at_most(3.0) < at_most(2.0) < at_most(1.5)
    assert at_least(-1.0) < at_least(0.0) < at_least(0.5)


def test_keys_name_property_and_kind():
    keys = [term.key for term in TERMS]
    assert keys[0] == "orbital_x_maximize"
    assert keys[3] == "orbital_x_atmost"
    assert len(set(keys)) == 5


@pytest.mark.parametrize("weight", [0.0, -1.0, math.inf, math.nan])
def test_weights_and_penalties_must_be_positive_numbers(weight):
    with pytest.raises(SettingError, match="weight must be a number above 0"):
        Target("x", 1.0, weight)
    with pytest.raises(SettingError, match="penalty must be a number above 0"):
        AtLeast("x", 1.0, weight)


@pytest.mark.parametrize("value", [math.nan, math.inf, "4", None, np.ones(2)])
def test_targets_and_limits_must_be_finite_numbers(value):
    for kind, name in ((Target, "value"), (AtMost, "limit"), (AtLeast, "limit")):
        with pytest.raises(SettingError, match=f"{name} must be a finite number"):
            kind("x", value)
    with pytest.raises(SettingError, match="weight must be a number above 0"):
        Maximize("x", value)


def test_numbers_of_numpy_are_numbers():
    assert AtMost("x", np.float32(1.0))(0.5) == 0.0
    assert Target("x", np.int64(2))(1.0) == -1.0
