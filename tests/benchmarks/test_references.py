"""The reference networks of the benchmarks are the same functions as our networks."""

import pytest
import torch
from ase.build import bulk

from ase_orbital import OneHot
from ase_orbital.models import EOSNet, OCrystalNet

from .epochs import EQUAL, graphs_of
from .references import StraightEOSNet, StraightOCrystalNet
from .sets import carbons, titanate

CRYSTALS = [
    titanate(3.9),
    titanate(3.9, (1, 1, 2)),
    bulk("NaCl", "rocksalt", a=5.64),
    bulk("Mg"),
    *carbons(2),
]


@pytest.fixture(
    params=[(EOSNet, StraightEOSNet), (OCrystalNet, StraightOCrystalNet)],
    ids=["EOSNet", "OCrystalNet"],
)
def networks(request):
    """One of our networks, and the reference with its weights."""
    ours, straight = request.param
    torch.manual_seed(0)
    model = ours(OneHot(), n_hidden=32, target_mean=0.3, target_scale=2.0)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm1d):
            torch.nn.init.normal_(module.running_mean)
            torch.nn.init.uniform_(module.running_var, 0.5, 2.0)
    model = model.double().eval()
    return model, straight(model).double().eval()


@pytest.fixture
def graphs(networks):
    """Graphs of all crystals, with equivalent atoms merged for ours only."""
    merged, whole = graphs_of(networks[0], CRYSTALS)
    return merged.to(dtype=torch.float64), whole.to(dtype=torch.float64)


def test_outputs_are_equal(networks, graphs):
    model, reference = networks
    merged, whole = graphs
    assert len(merged.numbers) < len(whole.numbers)
    expected = reference(whole)
    # Untrained networks hardly distinguish crystals: compare with what they do distinguish.
    tolerance = EQUAL * float(expected.detach().std())
    torch.testing.assert_close(model(merged), expected, atol=tolerance, rtol=0.0)
    torch.testing.assert_close(model(whole), expected, atol=tolerance, rtol=0.0)


def test_gradients_are_equal(networks, graphs):
    model, reference = networks
    for network, graph in zip(networks, graphs, strict=True):
        network(graph).square().sum().backward()
    mine = dict(model.named_parameters())
    for name, parameter in reference.named_parameters():
        tolerance = EQUAL * float(parameter.grad.abs().max())
        torch.testing.assert_close(
            mine[name].grad, parameter.grad, atol=tolerance, rtol=0.0, msg=name
        )
