"""The losses agree with their formulas, and the optimizer has the settings asked for."""

import math

import pytest
import torch
from ase.build import bulk

from ase_orbital import OneHot
from ase_orbital.graphs.crystal_graph import CrystalGraph
from ase_orbital.models import EOSNet
from ase_orbital.training import TrainingSettings
from ase_orbital.training.batches import GraphDataset
from ase_orbital.training.module import TrainingModule

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
    found = module.loss(torch.tensor([3.0, 1.0]), torch.tensor([2.0, 5.0]))
    assert float(found) == pytest.approx(expected)


def test_classes_are_weighted_by_the_inverse_of_their_frequency():
    module = make(targets=(1.0, 0.0, 0.0, 0.0), n_classes=2)
    torch.testing.assert_close(module.class_weight, torch.tensor([4 / 6, 4 / 2]))


def test_the_log_likelihood_is_weighted():
    """Both classes count the same, however many of each there are."""
    module = make(targets=(1.0, 0.0, 0.0, 0.0), n_classes=2)
    probability = torch.tensor([0.8, 0.5, 0.5, 0.5])
    output = torch.stack([1.0 - probability, probability], dim=1).log()
    found = module.loss(output, torch.tensor([1.0, 0.0, 0.0, 0.0]))
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
