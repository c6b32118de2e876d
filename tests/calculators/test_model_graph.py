"""Differentiable graphs against the graphs of predictions, and their derivatives."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from ase_orbital import GOM, OFM, Concatenate, OneHot
from ase_orbital.calculators.model_graph import (
    check_model_differentiable,
    differentiable_graph,
    edge_weights,
)
from ase_orbital.errors import ModelError
from ase_orbital.models import EOSNet, OCrystalNet
from ase_orbital.neighbors.batch import neighbor_batch

from ..structures import PEROVSKITE, distorted

FEATURES = Concatenate(OneHot(), GOM(cutoff=4.0, n_eigenvalues=10))


@pytest.fixture(params=[EOSNet, OCrystalNet])
def featurization(request):
    model = request.param(
        FEATURES, property_name="band_gap", n_neighbors=8, radius=6.0, smoothing=0.4
    )
    return model.featurization


def differentiable(featurization, atoms):
    batch = neighbor_batch([atoms], 6.0, symmetry=False)
    vectors = torch.tensor(batch.vector, requires_grad=True)
    return batch, vectors, differentiable_graph(featurization, batch, vectors)


def test_features_and_edges_are_those_of_a_prediction(featurization):
    """A distorted crystal has no equivalent atoms, so both graphs have all edges."""
    atoms = distorted(PEROVSKITE)
    graph = differentiable(featurization, atoms)[2]
    expected = featurization.batch([atoms], torch.float64)
    assert_allclose(graph.features.detach(), expected.features, atol=1e-10)
    assert_allclose(graph.fractional, expected.fractional, atol=1e-12)
    for one, other in ((graph, expected), (expected, graph)):
        edges = zip(
            one.source, one.target, one.distance.detach(), one.weight.detach(), strict=True
        )
        for source, target, distance, weight in edges:
            same = (other.source == source) & (other.target == target)
            same &= (other.distance.detach() - distance).abs() < 1e-9
            assert float(other.weight[same].detach().sum()) == pytest.approx(
                float(weight), abs=1e-9
            )


def test_weights_of_edges_have_the_derivatives_of_finite_differences():
    model = EOSNet(property_name="band_gap", n_neighbors=8, radius=6.0, smoothing=0.4)
    connectivity = model.connectivity
    atoms = distorted(PEROVSKITE)
    batch, vectors, _ = differentiable(model.featurization, atoms)
    pair = torch.as_tensor(connectivity.edges(batch, merged=False).pair)
    factors = torch.tensor(np.random.default_rng(0).normal(size=len(pair)))

    def total(distance):
        return (edge_weights(connectivity, batch, distance, pair) * factors).sum()

    distance = torch.linalg.vector_norm(vectors, dim=1).detach().requires_grad_()
    (gradient,) = torch.autograd.grad(total(distance), distance)
    direction = torch.tensor(np.random.default_rng(1).normal(size=len(distance)))
    # One Newton step is exact to first order: compare with a small displacement.
    step = 1e-6
    ahead, behind = (total(distance.detach() + x * direction) for x in (step, -step))
    expected = float(ahead - behind) / (2.0 * step)
    assert float(gradient @ direction) == pytest.approx(expected, rel=1e-5)


def test_models_without_derivatives_are_explained():
    check_model_differentiable(EOSNet(property_name="band_gap"))
    with pytest.raises(ModelError, match="has no forces: OFM has no derivatives"):
        check_model_differentiable(EOSNet(OFM(), property_name="band_gap"))
    with pytest.raises(ModelError, match="use one with a smoothing"):
        check_model_differentiable(EOSNet(property_name="band_gap", smoothing=None))
