"""Figures and tables of the errors of models, as sections of a page."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from ase.formula import Formula

from ase_orbital.elements import SYMBOLS
from ase_orbital.report.records import plain_numbers
from ase_orbital.statistics import element_errors, point_density, size_classes
from ase_orbital.training.cards import METRICS
from ase_orbital.training.figures import read_losses
from ase_orbital.training.metrics import (
    class_reliability,
    coverage,
    error_by_std,
    roc,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from ase_orbital.training.evaluation import Evaluation

    Section = dict[str, Any]

MARGIN = 0.03  # of a parity plot, as a fraction of the range
NOMINAL = np.linspace(0.05, 0.95, 19)  # probabilities of the intervals
UNITED = ("mae", "rmse")  # metrics with the unit of the target


def metrics_table(
    title: str,
    first: str,
    names: list[str],
    unit: str,
    rows: Mapping[str, Mapping[str, Any]],
) -> Section:
    """Make a table with a row for each model or set and a column for each metric."""
    heads = [
        f"{METRICS.get(name, 'crystals')}{f' ({unit})' if name in UNITED and unit else ''}"
        for name in names
    ]
    cells = [
        [label, *(_finite(metrics.get(name)) for name in names)]
        for label, metrics in rows.items()
    ]
    # Few rows and many metrics: one line for each metric.
    lines = [
        [head, *column]
        for head, column in zip(heads, zip(*(row[1:] for row in cells), strict=True),
                                strict=True)
    ]  # fmt: skip
    return {
        "type": "table", "title": title, "link": "metrics",
        "columns": [f"by {first}", *rows], "rows": lines, "wrap": [0],
    }  # fmt: skip


def _finite(value: Any) -> Any:
    if value is None or not math.isfinite(value):
        return None
    return int(value) if float(value).is_integer() and abs(value) > 1 else value


def comparison(evaluations: Mapping[str, Evaluation], unit: str) -> Section:
    """Draw the share of crystals that each model predicts within an error."""
    shares = np.linspace(0.0, 0.98, 99)
    series = [
        {
            "name": name,
            "x": plain_numbers(np.quantile(np.abs(e.predicted - e.known), shares)),
            "y": plain_numbers(100.0 * shares),
        }
        for name, e in evaluations.items()
    ]
    return {
        "type": "lines", "title": "Models compared", "series": series,
        "x": f"absolute error ({unit})" if unit else "absolute error",
        "y": "crystals within (%)",
        "note": "Share of the crystals that are predicted within an error; higher is "
        "better.",
    }  # fmt: skip


def histories(folder: Path) -> list[Section]:
    """Draw the losses in the `history.csv` of each member."""
    series = []
    members = sorted(folder.glob("member-*/history.csv"))
    for path in members:
        for kind, values in read_losses(path.parent).items():
            losses = plain_numbers(values)
            if any(loss is not None for loss in losses):
                of = f", {path.parent.name}" if len(members) > 1 else ""
                x = list(range(1, len(losses) + 1))
                series.append({"name": f"{kind}{of}", "x": x, "y": losses})
    if not series:
        return []
    return [
        {"type": "lines", "title": "History", "series": series, "x": "epoch", "y": "loss",
         "log": True}
    ]  # fmt: skip


def model_sections(
    evaluation: Evaluation, unit: str, shown: NDArray[np.intp], end: str
) -> list[Section]:
    """Draw parity, calibration, and errors by element and size of one model.

    Parameters
    ----------
    shown : [n_shown]
        Crystals that are in the page.
    end
        End of the names of the model's columns.
    """
    known, predicted, std = evaluation.known, evaluation.predicted, evaluation.std
    sections = []
    if evaluation.classes:
        false, true = roc(known, predicted)
        sections.append(_diagonal("ROC curve", false, true,
                                  "false positive rate", "true positive rate"))  # fmt: skip
        mean, share = class_reliability(known, predicted)
        note = "Share of class 1 among crystals of similar probability; ideally equal."
        sections.append(_diagonal("Calibration of the probability", mean, share,
                                  "probability", "share of class 1", note))  # fmt: skip
    else:
        sections.append(_parity(evaluation, unit, shown, end))
        if std is not None:
            sections += _calibration(evaluation, unit)
    counts = [Formula(formula).count() for formula in evaluation.formulas]
    numbers = [[SYMBOLS.index(symbol) for symbol in count] for count in counts]
    error = np.abs(predicted - known)
    sizes = size_classes([sum(count.values()) for count in counts])
    if len(sizes) > 1:
        bars = {label: (error[members].mean(), len(members)) for label, members in sizes}
        sections.append(_bars("atoms per cell", unit, error, {}, bars))
    elements = element_errors(numbers, error)
    note = "Of the crystals that contain the element, from the largest."
    sections.append(
        _bars("element", unit, error, {"wide": True, "note": note}, {
            SYMBOLS[one.number]: (one.mean, one.n_crystals) for one in elements
        })
    )  # fmt: skip
    return sections


def _bars(
    by: str,
    unit: str,
    error: NDArray[np.floating[Any]],
    more: Section,
    bars: Mapping[str, tuple[float, int]],
) -> Section:
    """Draw mean and number of crystals by label, and the mean of all."""
    return {
        "type": "bars", "title": f"Errors by {by}", "labels": [*bars],
        "values": plain_numbers(mean for mean, _ in bars.values()),
        "counts": [n for _, n in bars.values()], "mean": float(error.mean()), "x": by,
        "y": f"mean absolute error ({unit})" if unit else "mean absolute error", **more,
    }  # fmt: skip


def _parity(
    evaluation: Evaluation, unit: str, shown: NDArray[np.intp], end: str
) -> Section:
    known, predicted = evaluation.known, evaluation.predicted
    low, high = min(known.min(), predicted.min()), max(known.max(), predicted.max())
    margin = MARGIN * (high - low) or 1.0
    limits = (float(low - margin), float(high + margin))
    ending = f" ({unit})" if unit else ""
    section: Section = {
        "type": "scatter", "title": "Predicted against known values",
        "link": "parity" if not end else None, "fixed": True,
        "x": "known", "y": f"predicted{end}", "diagonal": True, "limits": limits,
        "labels": [f"known{ending}", f"predicted{ending}"],
        "note": "Brighter points lie where there are more crystals. Draw around points to "
        "select them.",
    }  # fmt: skip
    if evaluation.in_domain is not None and not evaluation.in_domain.all():
        section["color"] = f"in_domain{end}"
        section["note"] = "Orange: outside the domain. Draw around points to select them."
    else:
        section["shades"] = plain_numbers(point_density(known, predicted, limits)[shown])
    return section


def _calibration(evaluation: Evaluation, unit: str) -> list[Section]:
    assert evaluation.std is not None
    values = evaluation.known, evaluation.predicted, evaluation.std
    observed = coverage(*values, NOMINAL)
    std, error = error_by_std(*values)
    ending = f" ({unit})" if unit else ""
    top = 1.05 * max(std.max(), error.max()) or 1.0
    return [
        _diagonal(
            "Calibration", 100.0 * NOMINAL, 100.0 * observed,
            "nominal probability of the interval (%)", "known values inside (%)",
            "Above the line, the standard deviations are larger than the errors ask for.",
            100.0,
        ),
        _diagonal(
            "Error against standard deviation", std, error,
            f"root mean square std{ending}", f"root mean square error{ending}",
            "Ten groups of crystals with similar standard deviations; ideally equal.", top,
        ),
    ]  # fmt: skip


def _diagonal(
    title: str, x: Any, y: Any, x_label: str, y_label: str, note: str = "", top: float = 1.0
) -> Section:
    return {
        "type": "lines", "title": title, "note": note, "x": x_label, "y": y_label,
        "series": [{"name": "", "x": plain_numbers(x), "y": plain_numbers(y)}],
        "diagonal": [0.0, top], "range": [0.0, top], "points": len(x) <= 30,
    }  # fmt: skip
