"""Graphs and networks on a GPU give the outputs and gradients that they give on the CPU."""

from copy import deepcopy
from dataclasses import fields

import numpy as np
import pytest
import torch

from ase_orbital.graphs import CrystalGraph
from ase_orbital.models import Ensemble, EOSNet
from ase_orbital.models.fused import fuse

pytestmark = [pytest.mark.gpu, pytest.mark.filterwarnings("default")]

DOUBLE = 1e-9  # of the largest number, for what is computed in double precision


def output_and_gradients(model, graph):
    """Raw output, and the gradients of its squares by all parameters, as arrays."""
    model.zero_grad()
    output = model.layer_outputs(graph)["output"]
    output.square().sum().backward()
    gradients = [parameter.grad.cpu().numpy() for parameter in model.parameters()]
    return [output.detach().cpu().numpy(), *gradients]


def assert_close(found, expected):
    np.testing.assert_allclose(
        found, expected, rtol=0.0, atol=DOUBLE * np.abs(expected).max()
    )


def tensors(graph):
    return {field.name: getattr(graph, field.name) for field in fields(graph)}


def test_batches_are_made_and_taken_apart(device, network, crystals):
    graph = network.batch(crystals)
    there = graph.to(device)
    assert there.graph_index.device.type == torch.device(device).type
    order = torch.tensor([3, 0, 5])
    chosen = graph.select(order)
    for moved in (
        there.select(order.to(device)),
        CrystalGraph.batch([there.unbatch()[index] for index in order]),
    ):
        for name, expected in tensors(chosen).items():
            assert (expected is None) == (tensors(moved)[name] is None)
            if expected is not None:
                torch.testing.assert_close(tensors(moved)[name].cpu(), expected)


@pytest.mark.parametrize("training", [False, True], ids=["evaluation", "training"])
@pytest.mark.parametrize("merged", [False, True], ids=["all atoms", "merged"])
def test_double_precision(device, network, crystals, training, merged):
    model = network.double().train(training)
    graph = model.batch(crystals)
    if not merged:
        graph = CrystalGraph.batch(model.graphs(crystals))
    there = deepcopy(model).to(device)
    # Rounding of a gradient comes from its terms: small sums of them have that of others.
    found = output_and_gradients(there, graph.to(device))
    expected = output_and_gradients(model, graph)
    largest = max(np.abs(other).max() for other in expected)
    for own, other in zip(found, expected, strict=True):
        scale = max(np.abs(other).max(), 1e-3 * largest)
        np.testing.assert_allclose(own, other, rtol=0.0, atol=DOUBLE * scale)


def test_single_precision(device, network, crystals, assert_as_precise):
    model = network.eval()
    exact = deepcopy(model).double()
    graph = model.batch(crystals)
    found = output_and_gradients(deepcopy(model).to(device), graph.to(device))
    single = output_and_gradients(model, graph)
    double = output_and_gradients(exact, graph.to(dtype=torch.float64))
    for gradients in zip(found, single, double, strict=True):
        assert_as_precise(*gradients)


def test_fused_ensembles(device, crystals):
    torch.manual_seed(0)
    model = Ensemble([EOSNet(), EOSNet(), EOSNet()]).double().eval()
    graph = model.batch(crystals)
    with torch.no_grad():
        expected = model.predict_target(graph)
        there = deepcopy(model).to(device)
        found = there.assess_target(fuse(there).outputs(graph.to(device)))[:2]
    for own, other in zip(found, expected, strict=True):
        assert_close(own.cpu().numpy(), other.numpy())


def test_second_derivatives(device, network, crystals):
    model = network.double().train()
    graph = model.batch(crystals[:3])

    def curvature(model, graph):
        parameters = list(model.parameters())
        loss = model(graph).square().sum()
        gradients = torch.autograd.grad(loss, parameters, create_graph=True)
        total = sum(gradient.square().sum() for gradient in gradients)
        return [x.cpu().numpy() for x in torch.autograd.grad(total, parameters)]

    expected = curvature(model, graph)
    found = curvature(deepcopy(model).to(device), graph.to(device))
    largest = max(np.abs(other).max() for other in expected)
    for own, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(own, other, rtol=0.0, atol=DOUBLE * largest)


def test_mixed_precision_is_near_single_precision(device, network, crystals):
    model = network.train().to(device)
    graph = model.batch(crystals).to(device)
    outputs, gradients = [], []
    for enabled in (False, True):
        model.zero_grad()
        with torch.autocast(torch.device(device).type, torch.bfloat16, enabled=enabled):
            output = model(graph)
        output.square().sum().backward()
        outputs.append(output.detach())
        gradients.append(torch.cat([p.grad.flatten() for p in model.parameters()]))
    assert outputs[1].dtype == torch.float32
    assert not torch.equal(outputs[0], outputs[1])
    torch.testing.assert_close(outputs[1], outputs[0], rtol=0.03, atol=0.03)
    assert torch.nn.functional.cosine_similarity(*gradients, dim=0) > 0.99
