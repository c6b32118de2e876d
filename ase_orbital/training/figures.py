"""Pictures of a run, beside its other files."""

from __future__ import annotations

import csv
import logging
from typing import TYPE_CHECKING

import numpy as np

from ase_orbital.training.cards import learned_unit
from ase_orbital.training.metrics import roc

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ase_orbital.models.crystal_model import CrystalModel
    from ase_orbital.training.batches import Labeled
    from ase_orbital.training.evaluation import Evaluation

logger = logging.getLogger(__name__)


def draw_evaluation(
    folder: Path, model: CrystalModel, evaluation: Evaluation, crystals: Labeled
) -> list[Path]:
    """Draw parity or ROC curve, and errors by element and by size, into a folder.

    Without matplotlib nothing is drawn, and a log line says what to install.
    """
    try:
        from ase_orbital.plotting import error_by_element, error_by_size, parity, roc_curves
    except ModuleNotFoundError:
        logger.info("pictures need matplotlib: pip install 'ase-orbital[plot]'")
        return []
    unit = learned_unit(model)
    label = model.property_name
    error = evaluation.predicted - evaluation.known
    graph = crystals.graph
    numbers = [part.numpy() for part in graph.numbers.split(graph.n_atoms.tolist())]
    sizes = graph.sizes.numpy()
    if evaluation.classes:
        curves = {label: roc(evaluation.known, evaluation.predicted)}
        figures = {"roc": roc_curves(curves)}
    else:
        figures = {
            "parity": parity(
                evaluation.known, evaluation.predicted, label=label, unit=unit,
                in_domain=evaluation.in_domain,
            )
        }  # fmt: skip
    figures["error-by-element"] = error_by_element(numbers, error, unit=unit)
    figures["error-by-size"] = error_by_size(sizes, error, unit=unit)
    return [_save(figure, folder / f"{name}.png") for name, figure in figures.items()]


def draw_comparison(
    folder: Path, model: CrystalModel, evaluations: Mapping[str, Evaluation]
) -> None:
    """Draw models of one property on one set beside one another."""
    try:
        from ase_orbital.plotting import compare_models, roc_curves
    except ModuleNotFoundError:
        return
    if model.n_classes is not None:
        curves = {name: roc(e.known, e.predicted) for name, e in evaluations.items()}
        figure = roc_curves(curves)
    else:
        errors = {name: e.predicted - e.known for name, e in evaluations.items()}
        figure = compare_models(errors, unit=learned_unit(model))
    _save(figure, folder / "comparison.png")


def draw_history(folder: Path) -> None:
    """Draw the losses of a member's `history.csv` beside it."""
    try:
        from ase_orbital.plotting import training_history
    except ModuleNotFoundError:
        return
    with (folder / "history.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    losses = {
        part: [float(row[f"{part}_loss"]) for row in rows]
        for part in ("train", "validation")
    }
    drawn = {name: values for name, values in losses.items() if not np.isnan(values).all()}
    _save(training_history(drawn), folder / "history.png")


def _save(figure: object, path: Path) -> Path:
    figure.savefig(path)  # type: ignore[attr-defined]  # a Figure; matplotlib stays there
    return path
