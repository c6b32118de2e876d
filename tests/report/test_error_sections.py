"""Figures of errors have the numbers of the evaluation."""

from dataclasses import replace

import numpy as np
import pytest

from ase_orbital.report.error_sections import (
    comparison,
    histories,
    metrics_table,
    model_sections,
)

from .conftest import evaluation

ALL = np.arange(60)


def by_title(found):
    return {section["title"]: section for section in found}


def test_errors_by_element_and_size_are_means():
    one = evaluation(0)
    found = by_title(model_sections(one, "eV", ALL, ""))
    error = np.abs(one.predicted - one.known)
    elements = found["Errors by element"]
    index = elements["labels"].index("F")
    assert elements["values"][index] == pytest.approx(error[::3].mean(), rel=1e-5)
    assert elements["counts"][index] == 20
    assert elements["y"] == "mean absolute error (eV)"
    sizes = found["Errors by atoms per cell"]
    assert sizes["labels"] == ["2", "3–8"]
    assert sizes["values"][1] == pytest.approx(np.delete(error, ALL[::3]).mean(), rel=1e-5)


def test_calibrated_predictions_lie_on_the_diagonal():
    found = by_title(model_sections(evaluation(0), "eV", ALL, ""))
    (line,) = found["Calibration"]["series"]
    np.testing.assert_allclose(line["y"], line["x"], atol=20.0)
    assert np.all(np.diff(line["y"]) >= 0.0)
    assert found["Calibration"]["diagonal"] == [0.0, 100.0]


def test_parity_marks_the_domain_or_the_density():
    one = evaluation(0)
    parity = model_sections(one, "eV", ALL, "_1")[0]
    assert (parity["y"], parity["color"]) == ("predicted_1", "in_domain_1")
    assert parity["limits"][0] < min(one.known.min(), one.predicted.min())
    plain = model_sections(replace(one, in_domain=None), "eV", ALL[:7], "")[0]
    assert "color" not in plain
    assert len(plain["shades"]) == 7


def test_classes_have_a_roc_curve_and_their_reliability():
    found = by_title(model_sections(evaluation(0, classes=True), "", ALL, ""))
    assert {"ROC curve", "Calibration of the probability"} < found.keys()
    assert "Calibration" not in found


def test_models_without_std_and_cells_of_one_size_have_fewer_figures():
    one = replace(evaluation(0), std=None, formulas=["NaCl"] * 60)
    titles = [section["title"] for section in model_sections(one, "", ALL, "")]
    assert titles == ["Predicted against known values", "Errors by element"]


def test_the_comparison_shows_shares_of_the_errors():
    one = evaluation(0)
    (line,) = comparison({"a": one}, "eV")["series"]
    half = line["y"].index(50)
    median = np.median(np.abs(one.predicted - one.known))
    assert line["x"][half] == pytest.approx(median, rel=1e-5)


def test_metrics_without_a_value_are_empty():
    rows = {"a": {"n": 3, "mae": 0.5, "r": float("nan")}, "b": {"n": 4}}
    table = metrics_table("Metrics", "model", ["n", "mae", "r"], "eV", rows)
    assert table["columns"] == ["by model", "a", "b"]
    assert table["rows"] == [
        ["crystals", 3, 4],
        ["mean absolute error (eV)", 0.5, None],
        ["correlation R", None, None],
    ]


def test_a_folder_without_members_has_no_history(tmp_path):
    assert histories(tmp_path) == []
    (tmp_path / "member-0").mkdir()
    (tmp_path / "member-0/history.csv").write_bytes(b"\xff, no history")
    assert histories(tmp_path) == []
