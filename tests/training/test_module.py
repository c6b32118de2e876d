"""Losses and learning rates agree with their formulas, the optimizer with its settings."""

import math
from itertools import pairwise
from typing import get_args

import pytest
import torch
from ase.build import bulk
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from ase_orbital import OneHot
from ase_orbital.graphs.crystal_graph import CrystalGraph
from ase_orbital.models import EOSNet
from ase_orbital.training import TrainingSettings
from ase_orbital.training.batches import GraphDataset
from ase_orbital.training.module import TrainingModule, learning_rate

ELEMENTS = ["Cu", "Al", "Si", "Mg"]


def make(*, targets=(0.0, 1.0, 2.0, 3.0), n_classes=None, **changes):
    model = EOSNet(OneHot(), n_hidden=4, n_classes=n_classes, target_scale=2.0)
    graphs = CrystalGraph.batch(model.graphs([bulk(symbol) for symbol in ELEMENTS]))
    return TrainingModule(
        model,
        GraphDataset(graphs, torch.tensor(targets)),
        None,
        TrainingSettings(**changes),
    )


def values(**named):
    """The values of a dataset, without its graphs."""
    return GraphDataset(None, **{name: torch.tensor(at) for name, at in named.items()})


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        # Errors of 1 and 4 in units of the scale, 2: 0.5 and 2.
        ("mae", (0.5 + 2.0) / 2),
        ("mse", (0.25 + 4.0) / 2),
        ("huber", (0.5 * 0.25 + (2.0 - 0.5)) / 2),
    ],
)
def test_losses_agree_with_their_formulas(loss, expected):
    module = make(loss=loss)
    found = module.loss(torch.tensor([3.0, 1.0]), values(targets=[2.0, 5.0]))
    assert float(found) == pytest.approx(expected)


def test_crystals_are_weighted():
    batch = values(targets=[2.0, 5.0], weights=[3.0, 1.0])
    found = make().loss(torch.tensor([3.0, 1.0]), batch)
    assert float(found) == pytest.approx((3.0 * 0.5 + 1.0 * 2.0) / 4.0)


def test_differences_within_a_group_add_to_the_loss():
    module = make(difference_weight=2.0)
    batch = values(targets=[2.0, 5.0, 1.0, 4.0], groups=[7, 3, 7, 7])
    found = module.loss(torch.tensor([3.0, 1.0, 1.5, 2.0]), batch)
    # The errors are 1, -4, 0.5 and -2; those of the copies differ by -0.5 and -3 from 1.
    errors, differences = (1.0 + 4.0 + 0.5 + 2.0) / 4, (0.5 + 3.0) / 2
    assert float(found) == pytest.approx((errors + 2.0 * differences) / 2.0)


def test_a_batch_without_copies_has_no_differences():
    batch = values(targets=[2.0, 5.0], groups=[0, 1])
    output = torch.tensor([3.0, 1.0])
    found = make(difference_weight=2.0).loss(output, batch)
    assert float(found) == float(make().loss(output, batch))


def test_classes_are_weighted_by_the_inverse_of_their_frequency():
    module = make(targets=(1.0, 0.0, 0.0, 0.0), n_classes=2)
    torch.testing.assert_close(module.class_weight, torch.tensor([4 / 6, 4 / 2]))


def test_the_log_likelihood_is_weighted():
    """Both classes count the same, however many of each there are."""
    module = make(targets=(1.0, 0.0, 0.0, 0.0), n_classes=2)
    probability = torch.tensor([0.8, 0.5, 0.5, 0.5])
    output = torch.stack([1.0 - probability, probability], dim=1).log()
    found = module.loss(output, values(targets=[1.0, 0.0, 0.0, 0.0]))
    assert float(found) == pytest.approx(-(math.log(0.8) + math.log(0.5)) / 2)


def test_classes_can_be_left_unweighted():
    module = make(targets=(1.0, 0.0, 0.0, 0.0), n_classes=2, class_weights=False)
    assert module.class_weight is None


def test_a_class_that_never_occurs_has_a_finite_weight():
    module = make(targets=(0.0, 0.0, 0.0, 0.0), n_classes=2)
    assert module.class_weight.isfinite().all()


@pytest.mark.parametrize(("name", "kind"), [("adam", torch.optim.Adam),
                                            ("adamw", torch.optim.AdamW)])  # fmt: skip
def test_the_optimizer_has_its_settings(name, kind):
    module = make(optimizer=name, weight_decay=0.25, first_rate=0.5)
    optimizer = module.configure_optimizers()
    assert type(optimizer) is kind
    (group,) = optimizer.param_groups
    assert (group["weight_decay"], group["lr"]) == (0.25, 0.5)
    assert len(group["params"]) == len(list(module.model.parameters()))


@pytest.mark.parametrize(("precision", "fused"), [("32-true", True), ("bf16-mixed", False)])
def test_the_optimizer_is_fused_where_gradients_can_be_clipped(precision, fused):
    optimizer = make(precision=precision).configure_optimizers()
    assert optimizer.param_groups[0]["fused"] is fused


N = 1000
SCHEDULES = get_args(TrainingSettings.model_fields["schedule"].annotation)
RATES = {"first_rate": 1e-4, "learning_rate": 1e-2, "last_rate": 1e-6, "warm_up": 0.1}


def schedule_settings(schedule, **changes):
    return TrainingSettings(schedule=schedule, **RATES | changes)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_the_rate_rises_linearly_during_the_warm_up(schedule):
    settings = schedule_settings(schedule)
    assert learning_rate(0, N, settings) == pytest.approx(1e-4)
    assert learning_rate(50, N, settings) == pytest.approx((1e-4 + 1e-2) / 2)
    assert learning_rate(100, N, settings) == pytest.approx(1e-2)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_the_rate_is_continuous_at_the_end_of_the_warm_up(schedule):
    settings = schedule_settings(schedule)
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
    settings = schedule_settings(schedule)
    assert learning_rate(550, N, settings) == pytest.approx(middle)
    assert learning_rate(N, N, settings) == pytest.approx(end)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_without_warm_up_the_highest_rate_comes_first(schedule):
    assert learning_rate(0, N, schedule_settings(schedule, warm_up=0.0)) == pytest.approx(
        1e-2
    )


@hypothesis_settings(deadline=None, derandomize=True)
@given(st.sampled_from(SCHEDULES), st.integers(1, 300), st.floats(0.0, 0.9))
def test_after_the_warm_up_the_rate_never_rises(schedule, n_steps, warm_up):
    settings = schedule_settings(schedule, warm_up=warm_up)
    rates = [learning_rate(step, n_steps, settings) for step in range(n_steps)]
    top = rates.index(max(rates))
    falling = rates[top:]
    assert falling == sorted(falling, reverse=True)
    assert all(1e-6 <= rate <= 1e-2 * (1.0 + 1e-12) for rate in rates)


def test_the_rate_of_eosnet_drops_100_200_and_400_epochs_after_its_warm_up():
    """Their scheduler counts from the end of the warm-up; the checkpoints show the same.

    The best epochs of nine published runs have rates of 1e-4 (121 to 165), 1e-5 (294, 385)
    and 1e-6 (425 to 471).
    """
    settings = TrainingSettings.paper("EOSNet")
    per_epoch = 7
    n_steps = 500 * per_epoch
    rates = [
        learning_rate(step, n_steps, settings) for step in range(0, n_steps, per_epoch)
    ]
    assert rates[0] == pytest.approx(1e-4)
    assert rates[19] < rates[20] == rates[119] == pytest.approx(1e-3)
    assert rates[120] == rates[219] == pytest.approx(1e-4)
    assert rates[220] == rates[419] == pytest.approx(1e-5)
    assert rates[420] == rates[499] == pytest.approx(1e-6)


def test_the_rate_of_ocrystalnet_rises_in_2_of_50_epochs_and_falls_exponentially():
    settings = TrainingSettings.paper("OCrystalNet")
    rates = [learning_rate(epoch, 50, settings) for epoch in range(51)]
    assert rates[0] == pytest.approx(1e-4)
    assert rates[2] == pytest.approx(3e-4)
    assert rates[50] == pytest.approx(1e-5)
    ratios = [after / before for before, after in pairwise(rates[2:])]
    assert ratios == pytest.approx([ratios[0]] * 48)
