"""Standard deviation and domain, computed from the signals of a model."""

import numpy as np
import pytest
import torch
from ase.build import bulk

from ase_orbital import Predictor
from ase_orbital.errors import ModelError
from ase_orbital.graphs.crystal_graph import CrystalGraph
from ase_orbital.models import Ensemble, EOSNet
from ase_orbital.models.fused import fuse
from ase_orbital.models.loading import load_folder
from ase_orbital.models.uncertainty import (
    N_KNOTS,
    Calibration,
    Uncertainty,
)

CRYSTALS = [
    bulk("NaCl", "rocksalt", a=5.6),
    bulk("Cu"),
    bulk("GaAs", "zincblende", a=5.65),
]
LAST = torch.finfo(torch.float64).eps


def test_members_that_agree_by_chance_are_not_certain():
    assert float(Calibration(2.0, 0.3).std(torch.tensor(0.0))) == pytest.approx(0.6)
    assert float(Calibration(2.0, 0.3).std(torch.tensor(0.16))) == pytest.approx(1.0)


def randomize(model, *, distorted=True, n_inputs=12, seed=0):
    """Give a model an uncertainty with random values, without calibration or limits."""
    torch.manual_seed(seed)
    n_features = sum(
        stage.shape[1] for stage in model.outputs(model.batch(CRYSTALS)).stages
    )
    small = {"n_hidden": 4, "n_convolutions": 1, "n_readout": 4}
    relaxation = small | {"descriptor": model.descriptor.to_settings()}
    new = Uncertainty(
        n_features, 9, relaxation=relaxation, distorted=distorted, n_inputs=n_inputs
    )
    new.relaxation.network.target_mean.fill_(1.0)  # so that no energy is zero
    new.projection.normal_()
    new.center.normal_()
    model.uncertainty = new.to(model.target_mean.dtype)
    return model


@pytest.fixture
def trained(network):
    """An ensemble of two small networks whose uncertainty has all parts."""
    torch.manual_seed(0)
    members = [network(n_hidden=6, property_name="band_gap") for _ in range(2)]
    return randomize(Ensemble(members).double().eval())


def signals_of(model, graph):
    with torch.no_grad():
        return model.uncertainty.signals(model.outputs(graph))


def test_distance_is_that_of_the_mean_features(trained):
    graph = CrystalGraph.batch(trained.graphs(CRYSTALS))
    outputs = trained.networks[0]._run(graph)
    names = [name for name in outputs if name == "embedding" or name[:3] == "gc_"]
    if outputs["atoms"] is not outputs[names[-1]]:
        names.append("atoms")
    uncertainty, found = trained.uncertainty, signals_of(trained, graph)
    starts = [0, *graph.n_atoms.cumsum(0).tolist()]
    for index in range(3):
        part = slice(starts[index], starts[index + 1])
        mean = torch.cat([outputs[name][part].mean(0) for name in names])
        components = (mean - uncertainty.center) @ uncertainty.projection
        distance = torch.linalg.vector_norm(components) / 3.0  # of nine components
        torch.testing.assert_close(found.components[index], components)
        torch.testing.assert_close(found.distance[index], distance)


def test_signals_are_those_of_a_crystal_in_any_cell_and_batch(trained):
    expected = signals_of(trained, trained.batch(CRYSTALS))
    larger = [atoms * (2, 1, 1) for atoms in CRYSTALS[::-1]]
    for atoms in larger:
        atoms.rotate(30.0, (1.0, 2.0, 3.0), rotate_cell=True)
        atoms.translate([0.3, 0.2, 0.1])
    for graph in (trained.batch(larger), CrystalGraph.batch(trained.graphs(larger))):
        for there, here in zip(signals_of(trained, graph), expected, strict=True):
            torch.testing.assert_close(there.flip(0), here, rtol=1e-6, atol=1e-8)


def test_fused_networks_have_the_same_signals(trained):
    graph = trained.batch(CRYSTALS)
    found = trained.assess(fuse(trained).outputs(graph))
    expected = trained.assess(trained.outputs(graph))
    for there, here in zip(found, expected, strict=True):
        torch.testing.assert_close(there, here, rtol=1e-9, atol=1e-12)


def test_calibration_is_increasing_and_has_slope_one_outside():
    uncertainty = Uncertainty(4, 2, relaxation=None, n_inputs=1).double()
    x = torch.linspace(-2.0, 2.0, N_KNOTS).double()
    uncertainty.knots.copy_(torch.stack([x, x**3 + x]))
    torch.testing.assert_close(uncertainty.calibrated(x), x**3 + x)
    # Ten times the largest standard deviation is the limit.
    beyond = torch.tensor([-3.0, 4.0, 99.0]).double()
    expected = torch.tensor([-11.0, 12.0, 10.0 + np.log(10.0)]).double()
    torch.testing.assert_close(uncertainty.calibrated(beyond), expected)
    fine = torch.linspace(-4.0, 4.0, 200).double()
    assert (uncertainty.calibrated(fine).diff() > 0.0).all()


def test_excess_is_the_largest_ratio_to_a_limit(trained):
    graph = trained.batch(CRYSTALS)
    signals = signals_of(trained, graph)
    std = torch.tensor([0.1, 0.4, 0.2]).double()
    uncertainty = trained.uncertainty
    uncertainty.limits.copy_(torch.tensor([0.2, 1e9, 1e9]))
    expected = torch.tensor([0.0, 1.0, 0.0]).double()
    torch.testing.assert_close(
        uncertainty.excess(signals, std), expected, rtol=1e-6, atol=1e-6
    )
    uncertainty.limits[2] = float(signals.distance[0]) / 3.0
    excess = uncertainty.excess(signals, std)
    assert float(excess[0]) == pytest.approx(2.0)
    uncertainty.limits[1] = float(signals.relaxation[2]) / 5.0
    excess = uncertainty.excess(signals, std)
    assert float(excess[2]) >= 4.0 - 1e-9


def test_a_prediction_is_inside_if_nothing_is_above_its_limit(trained):
    limits = trained.uncertainty.limits
    predictor = Predictor(trained, device="cpu", domain=True)
    assert [row["in_domain"] for row in predictor.predict_many(CRYSTALS)] == [1.0] * 3
    limits[2] = float(signals_of(trained, trained.batch(CRYSTALS)).distance[1]) * 0.99
    found = Predictor(trained, device="cpu", domain=True).predict(CRYSTALS[1])
    assert found["in_domain"] == 0.0


def test_it_is_a_file_of_its_own(trained, tmp_path):
    trained = trained.float()
    trained.uncertainty.projection.copy_(trained.uncertainty.projection.half())
    trained.save(tmp_path)
    assert not any(
        "uncertainty" in name
        for name in torch.load(tmp_path / "state.pt", weights_only=True)
    )
    opened = load_folder(tmp_path)
    graph = trained.batch(CRYSTALS)
    with torch.no_grad():
        found, expected = (
            opened.assess(opened.outputs(graph)),
            trained.assess(trained.outputs(graph)),
        )
    torch.testing.assert_close(found, expected, rtol=2e-3, atol=1e-4)
    assert opened.num_parameters == trained.num_parameters


def test_a_model_without_uncertainty_has_no_domain():
    model = EOSNet(n_hidden=8)
    assert not model.has_std
    with pytest.raises(ModelError, match="has no domain"):
        Predictor(model, device="cpu", domain=True)


def test_a_single_network_has_a_standard_deviation():
    torch.manual_seed(0)
    model = randomize(EOSNet(n_hidden=6, property_name="bulk_modulus").eval(), n_inputs=11)
    model.uncertainty.knots[1] -= 3.0
    assert model.has_std
    predictor = Predictor(model, device="cpu", domain=True)
    assert predictor.properties == ["bulk_modulus", "bulk_modulus_std", "in_domain"]
    found = predictor.predict(CRYSTALS[0])
    graph = model.batch(CRYSTALS[:1])
    with torch.no_grad():
        target, std = model.predict_target(graph)
    half = (10 ** (target + std) - 10 ** (target - std)) / 2
    assert found["bulk_modulus_std"] == pytest.approx(float(half), rel=1e-4)


@pytest.mark.parametrize("distorted", [True, False])
def test_only_the_domain_needs_a_relaxation_energy_that_says_nothing_of_the_error(
    distorted,
):
    torch.manual_seed(0)
    model = EOSNet(n_hidden=6, property_name="band_gap").eval()
    randomize(model, distorted=distorted, n_inputs=10 + distorted)
    outputs, found = model.outputs(model.batch(CRYSTALS)), []
    model.uncertainty.limits[1] = 0.5
    model.uncertainty.error[2].weight.mul_(0.01)  # so that it is not the largest one
    model.uncertainty.relaxation.network.target_scale.zero_()
    for root in (1.0, 3.0):
        model.uncertainty.relaxation.network.target_mean.fill_(root)
        with torch.no_grad():
            found.append(model.assess(outputs))
            alone = model.assess(outputs, domain=False)
        torch.testing.assert_close(alone.std, found[-1].std)
        assert alone.domain_excess is None
    assert (found[0].domain_excess < found[1].domain_excess).all()
    assert torch.equal(found[0].std, found[1].std) != distorted


@pytest.mark.parametrize("n_members", [1, 2])
def test_classes_are_scaled_by_the_temperature(n_members):
    torch.manual_seed(0)
    members = [
        EOSNet(n_hidden=6, property_name="metal_probability", n_classes=2).eval()
        for _ in range(n_members)
    ]
    model = Ensemble(members).eval() if n_members > 1 else members[0]
    graph = model.batch(CRYSTALS)
    with torch.no_grad():
        logits = torch.stack([member(graph) for member in members])
        randomize(model, n_inputs=0).uncertainty.temperature.fill_(2.0)
        value, std, _ = model.assess(model.outputs(graph))
    each = torch.softmax(logits / 2.0, dim=-1)[..., 1]
    torch.testing.assert_close(value, each.mean(0))
    if n_members == 1:
        assert std is None
        assert not model.has_std
    else:
        torch.testing.assert_close(std, each.std(0), rtol=1e-3, atol=1e-5)


def test_std_and_excess_are_differentiable(trained):
    model = trained
    model.uncertainty.limits.copy_(torch.tensor([1e-3, 1e-4, 1e-2]))
    graph = model.batch(CRYSTALS)
    atoms = [stage.detach() for stage in model.outputs(graph).stages]
    outputs = model.outputs(graph)

    def found(*stages):
        assessed = model.assess(outputs._replace(stages=[*stages]))
        return assessed.std, assessed.domain_excess

    inputs = [stage.clone().requires_grad_() for stage in atoms]
    assert torch.autograd.gradcheck(found, inputs)
