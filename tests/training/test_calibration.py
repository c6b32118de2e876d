"""The uncertainty that is fitted, for errors and distortions that are known."""

import numpy as np
import pytest
import torch
from ase.build import bulk

from ase_orbital.errors import DataError
from ase_orbital.graphs.crystal_graph import CrystalGraph
from ase_orbital.models import Ensemble, EOSNet
from ase_orbital.training import TrainingSettings
from ase_orbital.training.batches import GraphDataset
from ase_orbital.training.calibration import _knots, _whitening, fit_uncertainty
from ase_orbital.training.distortions import rattled
from ase_orbital.training.evaluation import evaluate
from ase_orbital.training.relaxation import fit_relaxation

METALS, NONMETALS = ("Li", "Na", "K", "Rb"), ("F", "Cl", "Br", "I")
SALTS = [
    bulk(metal + nonmetal, "rocksalt", a=a)
    for a in np.linspace(5.0, 6.4, 15)
    for metal in METALS
    for nonmetal in NONMETALS
]


def dataset(model, structures, targets, **values):
    graph = CrystalGraph.batch(model.graphs(structures))
    return GraphDataset(graph, torch.as_tensor(targets).float(), **values)


@pytest.fixture(scope="module")
def case():
    """A model, and errors of known size: 0.01 for fluorides, and 0.1 for others."""
    torch.manual_seed(0)
    model = EOSNet(n_hidden=8, property_name="band_gap").eval()
    order = np.random.default_rng(0).permutation(len(SALTS))
    crystals = [SALTS[index] for index in order]
    with torch.no_grad():
        predicted = model(CrystalGraph.batch(model.graphs(crystals))).numpy()
    sizes = np.array([0.01 if "F" in atoms.symbols else 0.1 for atoms in crystals])
    noise = np.random.default_rng(1).normal(size=len(crystals))
    return model, crystals, predicted + sizes * noise, sizes


def test_the_standard_deviation_is_that_of_the_errors(case):
    model, crystals, targets, sizes = case
    whole = dataset(model, crystals, targets)
    train = whole.graph.select(torch.arange(60))
    fit_uncertainty(model, train, whole.select(torch.arange(60, 240)))
    found = evaluate(model, [""] * 240, whole)
    assert found.metrics["coverage_90"] == pytest.approx(0.9, abs=0.06)
    assert found.std[sizes < 0.05].mean() < 0.04
    assert 0.07 < found.std[sizes > 0.05].mean() < 0.13
    calibrated = evaluate(model, [""] * 180, whole.select(torch.arange(60, 240)))
    assert calibrated.in_domain.mean() == pytest.approx(0.95, abs=0.02)


def test_a_small_training_set_is_in_the_domain(case):
    model = case[0]
    a = [5.0, 6.4, 5.6, 5.65, 5.7, 5.75, 5.8]  # the first two are farthest from the mean
    whole = dataset(model, [bulk("NaCl", "rocksalt", a=each) for each in a], a)
    train = whole.select(torch.arange(2))
    fit_uncertainty(model, train.graph, whole.select(torch.arange(2, 7)))
    with torch.no_grad():
        distance = model.uncertainty.signals(model.outputs(train.graph)).distance
    assert (distance <= model.uncertainty.limits[2]).all()


def test_distorted_crystals_are_outside_with_copies(case, tmp_path):
    model, crystals, targets, _ = case
    random = np.random.default_rng(2)
    cells = [atoms * (2, 1, 1) for atoms in crystals[:120]]
    amplitudes = random.uniform(0.0, 0.4, 120)
    copies = [
        rattled(atoms, at, random) for atoms, at in zip(cells, amplitudes, strict=True)
    ]
    relaxation = torch.tensor(5.0 * amplitudes**2).float()
    known = dataset(model, copies, relaxation, relaxation=relaxation)
    whole = dataset(model, crystals, targets)
    settings = TrainingSettings(progress=False, accelerator="cpu")
    relaxation = fit_relaxation(model, whole.graph, known, settings, tmp_path)
    validation = whole.select(torch.arange(120, 240))
    fit_uncertainty(model, whole.graph, validation, (), relaxation)
    displaced = [rattled(atoms, 0.3, random) for atoms in cells]
    far = dataset(model, displaced, np.zeros(120))
    assert evaluate(model, [""] * 120, far).in_domain.mean() < 0.2
    with torch.no_grad():
        displaced, nothing = (
            model.uncertainty.signals(model.outputs(each.graph)).relaxation.median()
            for each in (far, whole)
        )
    assert float(displaced) > 0.1
    assert float(nothing) < 0.05


def test_components_of_the_training_set_have_unit_variance():
    features = torch.randn(200, 30, generator=torch.Generator().manual_seed(0))
    features[:, :10] *= 100.0
    features[:, 29] = features[:, 28]  # a direction without variance
    projected = (features - features.mean(0)).double() @ _whitening(features, 29)
    covariance = projected.T @ projected / 200
    torch.testing.assert_close(covariance, torch.eye(29).double(), rtol=0, atol=1e-6)
    # The squared distances, which are leverages, sum to the number of features.
    assert float(projected.square().sum() / 200) == pytest.approx(29.0)


@pytest.mark.parametrize("n_crystals", [25, 100, 2000])
def test_knots_increase_and_scale_with_the_errors(n_crystals):
    random = np.random.default_rng(0)
    estimates = torch.tensor(random.normal(size=n_crystals)).float()
    errors = 3.0 * torch.exp(estimates) * torch.tensor(random.normal(size=n_crystals)).abs()
    x, y = _knots(estimates, errors.float())
    assert (x.diff() > 0.0).all()
    assert (y.diff() > 0.0).all()
    torch.testing.assert_close(y - x, torch.full_like(x, np.log(3.0)), rtol=0, atol=0.5)


def test_members_disagree_and_classes_have_a_temperature(case):
    _, crystals, _, _ = case
    torch.manual_seed(0)
    members = [
        EOSNet(n_hidden=8, property_name="metal_probability", n_classes=2) for _ in range(2)
    ]
    for member in members:  # else they are certain, and contradict each other
        torch.nn.init.normal_(member.output.weight, std=0.02)
    model = Ensemble(members).eval()
    classes = np.random.default_rng(0).integers(0, 2, len(crystals))
    whole = dataset(model, crystals, classes)
    fit_uncertainty(model, whole.graph, whole)
    found = evaluate(model, [""] * len(crystals), whole)
    # The classes are random, so any certainty is too much of it.
    assert np.abs(found.predicted - 0.5).max() < 0.1
    assert found.std is not None
    assert found.in_domain.mean() == pytest.approx(0.95, abs=0.02)


def test_too_few_crystals_are_an_error(case):
    model, crystals, targets, _ = case
    few = dataset(model, crystals[:4], targets[:4])
    with pytest.raises(DataError, match="4 validation crystals are too few"):
        fit_uncertainty(model, few.graph, few)
