"""Learning rates follow the formula of each schedule and the numbers of the papers."""

from itertools import pairwise
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from ase_orbital.training import TrainingSettings
from ase_orbital.training.schedules import learning_rate

N = 1000
SCHEDULES = get_args(TrainingSettings.model_fields["schedule"].annotation)
RATES = {"first_rate": 1e-4, "learning_rate": 1e-2, "last_rate": 1e-6, "warm_up": 0.1}


def make(schedule, **changes):
    return TrainingSettings(schedule=schedule, **RATES | changes)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_the_rate_rises_linearly_during_the_warm_up(schedule):
    settings = make(schedule)
    assert learning_rate(0, N, settings) == pytest.approx(1e-4)
    assert learning_rate(50, N, settings) == pytest.approx((1e-4 + 1e-2) / 2)
    assert learning_rate(100, N, settings) == pytest.approx(1e-2)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_the_rate_is_continuous_at_the_end_of_the_warm_up(schedule):
    settings = make(schedule)
    before = learning_rate(100 * N - 1, N * N, settings)
    after = learning_rate(100 * N, N * N, settings)
    assert before == pytest.approx(after, rel=1e-4)


@pytest.mark.parametrize(
    ("schedule", "middle", "end"),
    [
        ("constant", 1e-2, 1e-2),
        ("cosine", (1e-2 + 1e-6) / 2, 1e-6),
        ("exponential", 1e-4, 1e-6),  # the geometric mean of top and end
        ("milestones", 1e-4, 1e-5),
    ],
)
def test_each_schedule_has_its_rate_in_the_middle_and_at_the_end(schedule, middle, end):
    settings = make(schedule)
    assert learning_rate(550, N, settings) == pytest.approx(middle)
    assert learning_rate(N, N, settings) == pytest.approx(end)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_without_warm_up_the_highest_rate_comes_first(schedule):
    assert learning_rate(0, N, make(schedule, warm_up=0.0)) == pytest.approx(1e-2)


@hypothesis_settings(deadline=None, derandomize=True)
@given(st.sampled_from(SCHEDULES), st.integers(1, 300), st.floats(0.0, 0.9))
def test_after_the_warm_up_the_rate_never_rises(schedule, n_steps, warm_up):
    settings = make(schedule, warm_up=warm_up)
    rates = [learning_rate(step, n_steps, settings) for step in range(n_steps)]
    top = rates.index(max(rates))
    falling = rates[top:]
    assert falling == sorted(falling, reverse=True)
    assert all(1e-6 <= rate <= 1e-2 * (1.0 + 1e-12) for rate in rates)


def test_the_rate_of_eosnet_drops_to_a_tenth_after_100_200_and_400_of_500_epochs():
    """Tao & Zhu, J. Phys. Chem. Lett. 16, 717 (2025), doi:10.1021/acs.jpclett.4c03179."""
    settings = TrainingSettings.paper("EOSNet")
    per_epoch = 7
    n_steps = 500 * per_epoch
    rates = [
        learning_rate(step, n_steps, settings) for step in range(0, n_steps, per_epoch)
    ]
    assert rates[19] < rates[20] == rates[99] == pytest.approx(1e-3)
    assert rates[100] == rates[199] == pytest.approx(1e-4)
    assert rates[200] == rates[399] == pytest.approx(1e-5)
    assert rates[400] == rates[499] == pytest.approx(1e-6)


def test_the_rate_of_ocrystalnet_rises_in_2_of_50_epochs_and_falls_exponentially():
    settings = TrainingSettings.paper("OCrystalNet")
    rates = [learning_rate(epoch, 50, settings) for epoch in range(51)]
    assert rates[0] == pytest.approx(1e-4)
    assert rates[2] == pytest.approx(3e-4)
    assert rates[50] == pytest.approx(1e-5)
    ratios = [after / before for before, after in pairwise(rates[2:])]
    assert ratios == pytest.approx([ratios[0]] * 48)
