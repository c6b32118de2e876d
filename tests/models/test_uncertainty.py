"""Calibrated standard deviations against the coverage of a normal distribution."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ase_orbital.models.uncertainty import HALF_WIDTH, Calibration, coverage


def test_coverage_counts_what_lies_within_90_percent_of_a_normal():
    normal = np.random.default_rng(0).normal(size=20_000)
    zero = np.zeros_like(normal)
    assert coverage(normal, zero, np.ones_like(normal)) == pytest.approx(0.9, abs=0.01)
    assert coverage(zero + 1.0, zero, zero + 1.0 / HALF_WIDTH + 1e-9) == 1.0
    assert coverage(zero + 1.0, zero, zero + 1.0 / HALF_WIDTH - 1e-9) == 0.0


@settings(deadline=None, derandomize=True)
@given(st.integers(10, 200), st.integers(0, 1000), st.floats(0.01, 100.0))
def test_after_calibration_90_percent_lie_inside(n_crystals, seed, unit):
    random = np.random.default_rng(seed)
    known = unit * random.normal(size=n_crystals)
    deviation = unit * random.uniform(0.001, 0.2, size=n_crystals)
    calibration = Calibration.fit(known, np.zeros(n_crystals), deviation)
    std = calibration.std(torch.tensor(deviation) ** 2).numpy()
    inside = coverage(known, np.zeros(n_crystals), std * (1.0 + 1e-12))
    assert inside == pytest.approx(0.9, abs=1.0 / n_crystals)
    assert calibration.floor == np.median(deviation)


def test_members_that_agree_by_chance_are_not_certain():
    deviation = np.array([0.0, 0.1, 0.2])
    calibration = Calibration.fit(np.ones(3), np.zeros(3), deviation)
    assert calibration.std(torch.zeros(())) > 0.0
