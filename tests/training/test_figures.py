"""Figures of runs show the values of the evaluation, and need matplotlib only if drawn."""

import logging
import sys

import numpy as np
import pytest
import torch
from ase.build import bulk

from ase_orbital import OneHot, plotting
from ase_orbital.graphs.crystal_graph import CrystalGraph
from ase_orbital.models import EOSNet
from ase_orbital.training import TrainingSettings, figures
from ase_orbital.training.batches import GraphDataset
from ase_orbital.training.evaluation import Evaluation

ELEMENTS = ["Cu", "Al", "Si", "Mg"]
KNOWN = np.array([0.0, 1.0, 1.0, 0.0])
PREDICTED = np.array([0.25, 0.75, 0.5, 0.125])
INSIDE = np.array([True, True, False, True])


@pytest.fixture
def drawn(monkeypatch):
    """Arguments that the plotting functions were called with, by name of the function."""
    calls = {}
    for name in ("parity", "roc_curves", "error_by_element", "error_by_size",
                 "compare_models", "training_history", "learning_curve",
                 "ablation"):  # fmt: skip
        draw = getattr(plotting, name)

        def record(*arguments, _name=name, _draw=draw, **settings):
            calls[_name] = (arguments, settings)
            return _draw(*arguments, **settings)

        monkeypatch.setattr(plotting, name, record)
    return calls


def make(**changes):
    return EOSNet(OneHot(), n_hidden=4, **changes)


def evaluation_of(*, classes=False, shift=0.0):
    return Evaluation(ELEMENTS, ELEMENTS, KNOWN, PREDICTED + shift, None, INSIDE, classes)


def dataset():
    graphs = make().graphs([bulk(symbol) for symbol in ELEMENTS])
    return GraphDataset(CrystalGraph.batch(graphs), torch.tensor(KNOWN))


def files(folder):
    return {path.name for path in folder.iterdir()}


def test_numbers_have_a_parity_plot_and_errors_by_element_and_size(tmp_path, drawn):
    model = make(property_name="band_gap")
    figures.draw_evaluation(tmp_path, model, evaluation_of(), dataset())
    errors = {"error-by-element.png", "error-by-size.png"}
    assert files(tmp_path) == errors | {"parity.png"}
    (known, predicted), settings = drawn["parity"]
    np.testing.assert_array_equal(known, KNOWN)
    np.testing.assert_array_equal(predicted, PREDICTED)
    assert (settings["label"], settings["unit"]) == ("band_gap", "eV")
    np.testing.assert_array_equal(settings["in_domain"], INSIDE)
    (numbers, error), _ = drawn["error_by_element"]
    assert [set(part) for part in numbers] == [{29}, {13}, {14}, {12}]
    np.testing.assert_array_equal(error, PREDICTED - KNOWN)
    (sizes, _), _ = drawn["error_by_size"]
    assert list(sizes) == [1, 1, 2, 2]


def test_classes_have_a_roc_curve(tmp_path, drawn):
    model = make(property_name="metal_probability", n_classes=2)
    figures.draw_evaluation(tmp_path, model, evaluation_of(classes=True), dataset())
    assert "roc.png" in files(tmp_path)
    (curves,), _ = drawn["roc_curves"]
    false, true = curves["metal_probability"]
    assert np.trapezoid(true, false) == 1.0


def test_a_comparison_shows_the_error_of_each_model(tmp_path, drawn):
    evaluations = {"one": evaluation_of(), "two": evaluation_of(shift=1.0)}
    figures.draw_comparison(tmp_path, make(property_name="band_gap"), evaluations)
    assert files(tmp_path) == {"comparison.png"}
    (errors,), settings = drawn["compare_models"]
    np.testing.assert_array_equal(errors["two"], PREDICTED + 1.0 - KNOWN)
    assert settings["unit"] == "eV"


def test_classes_are_compared_by_their_roc_curves(tmp_path, drawn):
    model = make(property_name="metal_probability", n_classes=2)
    figures.draw_comparison(tmp_path, model, {"one": evaluation_of(classes=True)})
    assert set(drawn) == {"roc_curves"}


@pytest.mark.parametrize(
    ("validation", "expected"),
    [
        (("0.75", "0.5"), {"train": [1.0, 0.5], "validation": [0.75, 0.5]}),
        (("nan", "nan"), {"train": [1.0, 0.5]}),
    ],
    ids=["validation set", "no validation set"],
)
def test_the_history_shows_the_losses_that_there_are(tmp_path, drawn, validation, expected):
    lines = ["epoch,train_loss,validation_loss", f"1,1.0,{validation[0]}"]
    (tmp_path / "history.csv").write_text("\n".join([*lines, f"2,0.5,{validation[1]}"]))
    figures.draw_history(tmp_path)
    assert drawn["training_history"] == ((expected,), {})
    assert "history.png" in files(tmp_path)


def test_an_ablation_has_the_unit_of_the_target(tmp_path, drawn):
    settings = TrainingSettings(property_name="bulk_modulus")
    figures.draw_ablation(tmp_path, settings, {"EOSNet": {"OFM": 0.5, "GOM": 0.25}})
    assert drawn["ablation"][1] == {"unit": "log10(GPa)", "title": "bulk modulus"}
    assert files(tmp_path) == {"ablation.png"}


def test_a_learning_curve_has_the_unit_of_the_target(tmp_path, drawn):
    settings = TrainingSettings(property_name="bulk_modulus")
    figures.draw_learning_curve(tmp_path, settings, [10, 20], {"EOSNet": [0.5, 0.25]})
    assert drawn["learning_curve"][1] == {"unit": "log10(GPa)", "title": "bulk modulus"}
    assert files(tmp_path) == {"learning-curve.png"}


def test_without_matplotlib_a_message_says_what_to_install(tmp_path, monkeypatch, caplog):
    for name in [name for name in sys.modules if name.startswith("ase_orbital.plotting")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    figures._plotting.cache_clear()
    try:
        with caplog.at_level(logging.INFO):
            figures.draw_evaluation(tmp_path, make(), evaluation_of(), dataset())
            figures.draw_comparison(tmp_path, make(), {"one": evaluation_of()})
    finally:
        figures._plotting.cache_clear()
    assert files(tmp_path) == set()
    assert caplog.text.count("pip install 'ase-orbital[plot]'") == 1


@pytest.mark.parametrize(
    "content", [b"", b"gar,bage\n1,2\n", b"\xff\xfe", b"epoch,train_loss\n1,x\n"]
)
@pytest.mark.usefixtures("drawn")
def test_a_damaged_history_is_not_shown(tmp_path, content, caplog):
    (tmp_path / "history.csv").write_bytes(content)
    figures.draw_history(tmp_path)
    assert not any(figures.read_losses(tmp_path).values())
    assert "history.png" not in files(tmp_path)
    assert ("is damaged" in caplog.text) == bool(content)
