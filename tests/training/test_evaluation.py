"""Evaluations agree with predictions for each crystal alone."""

import csv
from dataclasses import replace

import numpy as np
import pytest
import torch
from ase.build import bulk

from ase_orbital import OneHot, Predictor
from ase_orbital.errors import DataError
from ase_orbital.graphs.crystal_graph import CrystalGraph
from ase_orbital.models import Ensemble, EOSNet
from ase_orbital.models.uncertainty import Uncertainty
from ase_orbital.training import compare, evaluation
from ase_orbital.training.batches import GraphDataset
from ase_orbital.training.evaluation import (
    Evaluation,
    evaluate,
    evaluate_mean,
    has_new_element,
)

ELEMENTS = ["Cu", "Al", "Si", "Mg", "Fe"]
CRYSTALS = [bulk(symbol) for symbol in ELEMENTS]
KNOWN = torch.tensor([0.0, 1.0, 1.0, 0.0, 1.0])

# Networks compute in single precision: some roundings of numbers of the size of one.
CLOSE = {"rtol": 1e-5, "atol": 10.0 * torch.finfo(torch.float32).eps}


def make(seed=0, **changes):
    torch.manual_seed(seed)
    return EOSNet(OneHot(), n_hidden=4, **changes).eval()


def evaluate_on_all(model):
    graph = CrystalGraph.batch(make().graphs(CRYSTALS))
    return evaluate(model, ELEMENTS, GraphDataset(graph, KNOWN))


def test_predictions_are_those_of_each_crystal_alone(monkeypatch):
    monkeypatch.setattr(evaluation, "BATCH", 2)
    model = make()
    found = evaluate_on_all(model.train())
    alone = [float(model.predict_structure(atoms)) for atoms in CRYSTALS]
    np.testing.assert_allclose(found.predicted, alone, **CLOSE)
    assert found.known.tolist() == KNOWN.tolist()
    assert found.formulas == [str(atoms.symbols) for atoms in CRYSTALS]
    assert found.std is None
    assert found.in_domain is None
    assert set(found.metrics) == {"n", "mae", "mae_of_mean", "rmse", "r", "r2"}


def test_an_evaluation_on_some_crystals_is_that_of_their_rows():
    whole = evaluate_on_all(make())
    inside = np.array([True, False, True, True, False])
    whole = replace(whole, std=np.arange(5.0), in_domain=inside)
    part = whole.select({"Mg", "Al"})
    assert part.ids == ["Al", "Mg"]
    assert part.formulas == [whole.formulas[1], whole.formulas[3]]
    for name in ("known", "predicted", "std", "in_domain"):
        assert getattr(part, name).tolist() == getattr(whole, name)[[1, 3]].tolist()
    assert evaluate_on_all(make()).select({"Mg"}).std is None


def test_targets_are_compared_not_properties():
    model = make(property_name="bulk_modulus")
    found = evaluate_on_all(model)
    alone = [float(model.predict_structure(atoms)) for atoms in CRYSTALS]
    np.testing.assert_allclose(10.0**found.predicted, alone, **CLOSE)


def test_predictions_have_the_bound_of_the_property():
    found = evaluate_on_all(make(property_name="band_gap", target_mean=-5.0))
    assert found.predicted.tolist() == [0.0] * len(CRYSTALS)
    assert found.metrics["mae"] == pytest.approx(0.6)


def test_an_ensemble_has_mean_and_standard_deviation():
    members = [make(seed) for seed in range(3)]
    found = evaluate_on_all(Ensemble(members, std_scale=2.0, std_floor=0.5))
    each = np.array([evaluate_on_all(member).predicted for member in members])
    np.testing.assert_allclose(found.predicted, each.mean(0), **CLOSE)
    std = 2.0 * np.sqrt(each.var(0, ddof=1) + 0.25)
    np.testing.assert_allclose(found.std, std, **CLOSE)
    assert "coverage_90" in found.metrics


@pytest.mark.parametrize("n_members", [1, 3])
def test_classes_have_probabilities(n_members):
    members = [make(seed, n_classes=2) for seed in range(n_members)]
    found = evaluate_on_all(members[0] if n_members == 1 else Ensemble(members))
    each = [
        [float(member.predict_structure(atoms)) for atoms in CRYSTALS] for member in members
    ]
    np.testing.assert_allclose(found.predicted, np.mean(each, axis=0), **CLOSE)
    assert found.classes
    assert "roc_auc" in found.metrics
    assert "coverage_90" not in found.metrics


def test_the_domain_is_evaluated_if_it_is_known():
    model = make()
    graph = CrystalGraph.batch(model.graphs(CRYSTALS))
    outputs = model.outputs(graph)
    n_features = sum(stage.shape[1] for stage in outputs.stages)
    model.uncertainty = Uncertainty(n_features, 2, relaxation=None, n_inputs=4)
    model.uncertainty.projection.normal_()
    distance = model.uncertainty.signals(outputs).distance
    model.uncertainty.limits[2] = float(distance.detach().median())
    found = evaluate_on_all(model)
    assert found.in_domain.tolist() == (distance <= distance.median()).tolist()
    assert found.metrics["in_domain"] == pytest.approx(0.6)
    error = np.abs(found.predicted - found.known)
    ratio = error[~found.in_domain].mean() / error[found.in_domain].mean()
    assert found.metrics["outside_ratio"] == pytest.approx(ratio)


def test_crystals_with_new_elements_are_outside():
    model = make(elements=[13, 14, 29])
    graph = CrystalGraph.batch(
        make().graphs([*CRYSTALS, bulk("AlFe", "cesiumchloride", a=2.9)])
    )
    assert has_new_element(model, graph).tolist() == [False, False, False, True, True, True]
    assert not has_new_element(make(), graph).any()


def test_coverage_is_that_of_each_fifth():
    """Errors of 1 and standard deviations that rise: only the last three fifths cover."""
    std = np.arange(1.0, 11.0) / 8.0
    known = np.zeros(10)
    found = Evaluation([], [], known, known + 1.0, std, None, False).metrics
    assert found["coverage_90"] == pytest.approx(0.6)
    assert found["coverage_90_lowest"] == 0.0
    assert found["coverage_90_highest"] == 1.0


def test_every_column_is_written(tmp_path):
    three = np.array([1.0, 2.0, 3.0])
    inside = np.array([True, False, True])
    formulas = ["Cu", "Ga4N4", "NaCl"]
    done = Evaluation(["a", "b", "c"], formulas, three, three + 0.1, three, inside, False)
    done.save(tmp_path / "predictions.csv")
    with (tmp_path / "predictions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    expected = {"id": "b", "formula": "Ga4N4", "known": "2.0", "predicted": "2.1"}
    assert rows[1] == expected | {"std": "2.0", "in_domain": "0"}
    loaded = Evaluation.load(tmp_path / "predictions.csv", classes=False)
    assert loaded.metrics == done.metrics
    assert (loaded.ids, loaded.formulas) == (done.ids, done.formulas)


@pytest.mark.parametrize("text", ["", "id,known,predicted\na,1,1\n", "id\nb\n"])
def test_a_table_without_its_columns_is_refused(text, tmp_path):
    (tmp_path / "predictions.csv").write_text(text)
    with pytest.raises(DataError, match=r"predictions\.csv .*run the evaluation again"):
        Evaluation.load(tmp_path / "predictions.csv", classes=False)


@pytest.mark.parametrize("transform", ["identity", "log10"])
def test_the_mean_of_models_is_evaluated_like_their_predictor(transform):
    name = "bulk_modulus" if transform == "log10" else "band_gap"
    models = [make(seed, property_name=name, elements=[29, 47]) for seed in range(2)]
    crystals = [bulk("Cu"), bulk("Ag")]
    for atoms in crystals:
        atoms.info["id"] = str(atoms.symbols)
    found = compare(
        {str(i): model for i, model in enumerate(models)}, (crystals, [1.0, 2.0])
    )
    together = evaluate_mean([*found.values()], transform).predicted
    expected = [row[name] for row in Predictor(models, device="cpu").predict_many(crystals)]
    learned = np.log10(expected) if transform == "log10" else expected
    np.testing.assert_allclose(together, learned, **CLOSE)


def test_the_mean_of_the_training_set_is_evaluated_too():
    found = evaluate_on_all(make(target_mean=0.25))
    assert found.metrics["mae_of_mean"] == pytest.approx(0.55)


def test_errors_are_those_of_the_property_too():
    values = np.zeros(1), np.ones(1)
    found = Evaluation(["a"], ["Cu"], *values, None, None, False, "log10").metrics
    assert (found["mae"], found["mae_property"], found["rmse_property"]) == (1.0, 9.0, 9.0)
