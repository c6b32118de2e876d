"""Pages of evaluations and training runs, made from their files."""

import json

import numpy as np
import pytest

from ase_orbital.errors import DataError
from ase_orbital.report import evaluations
from ase_orbital.report.evaluations import evaluation_page, training_page
from ase_orbital.training import train

from .conftest import evaluation


def titles(page):
    return [section["title"] for section in page.sections]


def values(page, name):
    return next(one["values"] for one in page.columns if one["name"] == name)


def test_each_model_has_its_figures_and_columns(evaluated):
    page = evaluation_page(evaluated)
    assert page.title == "Evaluation of mine"
    assert "runs/first, second" in page.subtitle
    assert {"Metrics", "Models compared", "runs/first", "second"} < set(titles(page))
    assert titles(page).count("Errors by element") == 2
    expected = evaluation(1, classes="ROC curve" in titles(page))
    found = np.array(values(page, "error_1"), float)
    np.testing.assert_allclose(found, expected.predicted - expected.known, atol=1e-5)
    assert values(page, "id") == expected.ids
    assert json.dumps(page.sections, allow_nan=False)


def test_the_largest_errors_come_first_and_many_crystals_are_sampled(
    evaluated, monkeypatch
):
    monkeypatch.setattr(evaluations, "N_WORST", 10)
    monkeypatch.setattr(evaluations, "MOST", 20)
    page = evaluation_page(evaluated)
    assert page.n_records == 20
    assert "20 of the 60 crystals" in page.subtitle
    rows = page.sections[-1]["rows"]
    errors = np.abs([values(page, "error_0"), values(page, "error_1")]).max(axis=0)
    assert len(rows) == 10
    assert errors[rows].tolist() == sorted(errors, reverse=True)[:10]


def test_damaged_records_are_named(evaluated):
    (evaluated / "evaluation.json").write_text("{}")
    with pytest.raises(DataError, match=r"evaluation\.json lacks 'models'"):
        evaluation_page(evaluated)
    (evaluated / "evaluation.json").write_text("{")
    with pytest.raises(DataError, match=r"evaluation\.json cannot be read"):
        evaluation_page(evaluated)


def test_models_with_different_crystals_are_refused(evaluated):
    path = evaluated / "second/predictions.csv"
    path.write_text("\n".join(path.read_text().splitlines()[:-1]))
    with pytest.raises(DataError, match="different crystals"):
        evaluation_page(evaluated)


def test_a_training_run_has_history_metrics_and_settings(salts, quick, tmp_path):
    settings = quick | {"property_name": "bulk_modulus", "members": 2}
    run = train((salts[0], salts[1]), tmp_path, **settings)
    page = training_page(tmp_path)
    assert page.title == "Training of a model of bulk modulus"
    assert {"Metrics", "History", "Settings"} < set(titles(page))
    table = page.sections[0]
    assert table["columns"] == ["by set", "test set", "validation set", "training set"]
    mae = next(row for row in table["rows"] if "mean absolute error" in row[0])
    assert mae[0].endswith("(log10(GPa))")
    assert mae[1] == pytest.approx(run.metrics["mae_test"], rel=1e-5)
    (history,) = [section for section in page.sections if section["title"] == "History"]
    names = [line["name"] for line in history["series"]]
    assert names[0] == "train, member-0"
    assert len(history["series"][0]["y"]) == settings["epochs"]


def test_a_run_that_has_not_ended_says_so(tmp_path):
    (tmp_path / "settings.json").write_text("{}")
    with pytest.raises(DataError, match="has not ended"):
        training_page(tmp_path)
