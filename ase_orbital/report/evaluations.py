"""Pages about the errors of models: of `ase-orbital evaluate` and of `train`."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ase_orbital.errors import DataError
from ase_orbital.properties import transformed_unit
from ase_orbital.report.error_sections import (
    comparison,
    histories,
    metrics_table,
    model_sections,
)
from ase_orbital.report.page import Page
from ase_orbital.report.records import columns_of
from ase_orbital.training.cards import METRICS, SETS
from ase_orbital.training.evaluation import Evaluation
from ase_orbital.zoo.folders import read_card

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    Section = dict[str, Any]

MOST = 20_000  # crystals in a page
N_WORST = 100  # crystals in the table of the largest errors


def evaluation_page(folder: Path) -> Page:
    """Make the page of a folder that `ase-orbital evaluate -o` wrote.

    Raises
    ------
    DataError
        If a file is damaged, or the models have different crystals.
    """
    record = _read_json(folder / "evaluation.json")
    try:
        evaluations = {
            name: Evaluation.load(
                folder / place / "predictions.csv", classes=record["classes"]
            )
            for name, place in record["models"].items()
        }
        title, unit, data = record["property"], record["unit"], record["data"]
    except (KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"{folder / 'evaluation.json'} lacks {error}; run `ase-orbital evaluate` again"
        ) from error
    names = list(dict.fromkeys(m for e in evaluations.values() for m in e.metrics))
    table = metrics_table("Metrics", "model", names, unit, {
        model: evaluation.metrics for model, evaluation in evaluations.items()
    })  # fmt: skip
    subtitle = f"{', '.join(evaluations)}; data: {data or 'given in Python'}"
    heading = f"Evaluation of {title.replace('_', ' ')}"
    sections = [table]
    if len(evaluations) > 1:
        sections.append(comparison(evaluations, unit))
    return _errors_page(heading, subtitle, evaluations, unit, sections)


def training_page(folder: Path) -> Page:
    """Make the page of a folder that `ase-orbital train -o` wrote.

    Raises
    ------
    DataError
        If a file is damaged, or the run has not ended.
    """
    path = folder / "model/model.json"
    if not path.is_file():
        raise DataError(f"the run in {folder} has not ended; resume it with the same call")
    card, training = read_card(path.parent), _read_json(path)["metadata"]["training"]
    metrics = card.metrics
    settings = training["settings"]
    sets = [name for name in SETS if f"n_{name}" in metrics]
    classes = "accuracy_train" in metrics
    evaluation = Evaluation.load(folder / "predictions.csv", classes=classes)
    transform = card.settings.get("transform") or "identity"
    unit = "" if classes else transformed_unit(card.unit, transform)
    names = ["n", *(name for name in METRICS if f"{name}_{sets[0]}" in metrics)]
    table = metrics_table("Metrics", "set", names, unit, {
        SETS[one]: {name: metrics.get(f"{name}_{one}") for name in names} for one in sets
    })  # fmt: skip
    sections = [table, *histories(folder)]
    name = settings["column"] or settings["property_name"]
    heading = f"Training of a model of {name.replace('_', ' ')}"
    subtitle = (
        f"{settings['network']}, {settings['members']} member(s), "
        f"{training['seconds'] / 60:.0f} minutes on {training['device']}, "
        f"{training['date']}. The figures show the {SETS[sets[0]]}."
    )
    page = _errors_page(heading, subtitle, {"model": evaluation}, unit, sections)
    items = [[name, _setting(value)] for name, value in settings.items()]
    page.sections.append(
        {"type": "facts", "title": "Settings", "items": items, "wide": True}
    )
    return page


def _setting(value: Any) -> str:
    return json.dumps(value) if isinstance(value, dict | list) else str(value)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise DataError(f"{path} cannot be read: {error}") from error


def _errors_page(
    title: str,
    subtitle: str,
    evaluations: dict[str, Evaluation],
    unit: str,
    sections: list[Section],
) -> Page:
    """Make a page with the figures of each model and the crystals with large errors."""
    from pandas import DataFrame

    first = next(iter(evaluations.values()))
    ids = first.ids
    if any(evaluation.ids != ids for evaluation in evaluations.values()):
        raise DataError("the models were evaluated on different crystals; evaluate again")
    shown = _shown(evaluations, MOST)
    columns: dict[str, Any] = {"id": ids, "formula": first.formulas, "known": first.known}
    labels = {}
    for index, (name, evaluation) in enumerate(evaluations.items()):
        own: dict[str, Any] = {"predicted": evaluation.predicted, "std": evaluation.std}
        own["error"] = evaluation.predicted - evaluation.known
        own["in_domain"] = evaluation.in_domain
        end = f"_{index}" if len(evaluations) > 1 else ""
        title_end = f", {name}" if end else ""
        for key, values in own.items():
            if values is not None:
                column = ("predicted_std" if key == "std" else key) + end
                columns[column] = values
                labels[column] = key.replace("_", " ") + title_end
        if end:
            sections.append({"type": "heading", "title": name, "wide": True})
        sections += model_sections(evaluation, unit, shown, end)
    frame = DataFrame(columns).iloc[shown].reset_index(drop=True)
    worst = frame[[name for name in frame if name.startswith("error")]].abs().max(axis=1)
    sections.append(
        {
            "type": "candidates", "title": "Largest errors", "link": "largest errors",
            "wide": True, "listed": f"the {min(N_WORST, len(frame))} largest errors",
            "rows": worst.nlargest(N_WORST).index.tolist(),
            "note": "Click on a column to sort. Select crystals here or in the figures.",
        }
    )  # fmt: skip
    units = {name: unit for name in columns if name not in ("id", "formula")}
    units |= {name: "1" for name in columns if name.startswith("in_domain")}
    facts = _facts(evaluations, unit)
    if len(shown) < len(ids):
        subtitle += (
            f" The page holds {len(shown):,} of the {len(ids):,} crystals: the largest "
            "errors and a random sample; all statistics are of all crystals."
        )
    return Page(
        title, subtitle, facts, sections, columns_of(frame, units, labels), len(frame)
    )


def _shown(evaluations: Mapping[str, Evaluation], most: int) -> NDArray[np.intp]:
    """Return the crystals in the page: those with the largest errors, and a sample."""
    errors = [np.abs(e.predicted - e.known) for e in evaluations.values()]
    order = np.argsort(-np.max(errors, axis=0), kind="stable")
    rest = np.random.default_rng(0).permutation(order[N_WORST:])
    return np.sort(np.concatenate([order[:N_WORST], rest])[:most])


def _facts(evaluations: Mapping[str, Evaluation], unit: str) -> list[tuple[Any, str]]:
    best = {name: evaluation.metrics for name, evaluation in evaluations.items()}
    key = "accuracy" if "accuracy" in next(iter(best.values())) else "mae"
    pick = max if key == "accuracy" else min
    name = pick(best, key=lambda one: best[one][key])
    of = f" of {name}, the best" if len(best) > 1 else ""
    metrics = best[name]
    facts: list[tuple[Any, str]] = [(int(metrics["n"]), "crystals")]
    for metric in (key, "rmse", "r2", "roc_auc", "coverage_90", "in_domain"):
        if metric in metrics and math.isfinite(metrics[metric]):
            ends = f" ({unit})" if metric in ("mae", "rmse") and unit else ""
            label = METRICS[metric][0].upper() + METRICS[metric][1:] + ends
            facts.append((f"{metrics[metric]:.4g}", label + (of if metric == key else "")))
    return facts
