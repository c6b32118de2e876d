"""Figures of a run, saved beside its other files.

Without matplotlib nothing is drawn, and a log message says what to install.
"""

from __future__ import annotations

import csv
import logging
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from ase_orbital.properties import transformed_unit
from ase_orbital.training.cards import target_unit
from ase_orbital.training.metrics import roc

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from ase_orbital.models.crystal_model import CrystalModel
    from ase_orbital.training.batches import GraphDataset
    from ase_orbital.training.evaluation import Evaluation
    from ase_orbital.training.settings import TrainingSettings

logger = logging.getLogger(__name__)


def draw_evaluation(
    folder: Path, model: CrystalModel, evaluation: Evaluation, dataset: GraphDataset
) -> None:
    """Draw the parity plot or ROC curve, and the errors by element and by cell size."""
    unit, label = target_unit(model), model.property_name
    known, predicted = evaluation.known, evaluation.predicted
    if evaluation.classes:
        _save(folder / "roc.png", "roc_curves", {label: roc(known, predicted)})
    else:
        labels = {"label": label, "unit": unit, "in_domain": evaluation.in_domain}
        _save(folder / "parity.png", "parity", known, predicted, **labels)
    graph, error = dataset.graph, predicted - known
    numbers = [part.numpy() for part in graph.numbers.split(graph.n_atoms.tolist())]
    _save(folder / "error-by-element.png", "error_by_element", numbers, error, unit=unit)
    sizes = graph.sizes.numpy()
    _save(folder / "error-by-size.png", "error_by_size", sizes, error, unit=unit)


def draw_comparison(
    folder: Path, model: CrystalModel, evaluations: Mapping[str, Evaluation]
) -> None:
    """Draw the ROC curves or error distributions of several models of one property."""
    path = folder / "comparison.png"
    if model.n_classes is not None:
        curves = {name: roc(e.known, e.predicted) for name, e in evaluations.items()}
        _save(path, "roc_curves", curves)
    else:
        errors = {name: e.predicted - e.known for name, e in evaluations.items()}
        _save(path, "compare_models", errors, unit=target_unit(model))


def read_losses(folder: Path) -> dict[str, list[float]]:
    """Read the losses on the training and validation sets in a member's `history.csv`.

    A damaged file has none, because it is only shown.
    """
    path = folder / "history.csv"
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        return {
            name: [float(row[f"{name}_loss"]) for row in rows]
            for name in ("train", "validation")
        }
    except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
        logger.warning("%s is damaged, and not shown: %r", path, error)
        return {}


def draw_history(folder: Path) -> None:
    """Draw the losses in the `history.csv` of a member."""
    losses = read_losses(folder)
    if not any(losses.values()):
        return
    known = {name: values for name, values in losses.items() if not np.isnan(values).all()}
    _save(folder / "history.png", "training_history", known)


def draw_learning_curve(
    folder: Path,
    settings: TrainingSettings,
    sizes: Sequence[int],
    errors: Mapping[str, list[float]],
) -> None:
    """Draw the errors of each network against the size of the training set."""
    unit = transformed_unit(settings.target_unit, settings.target_transform)
    title = settings.property_name.replace("_", " ")
    path = folder / "learning-curve.png"
    _save(path, "learning_curve", sizes, errors, unit=unit, title=title)


def draw_ablation(
    folder: Path, settings: TrainingSettings, errors: Mapping[str, Mapping[str, float]]
) -> None:
    """Draw the errors of each network with each descriptor."""
    unit = transformed_unit(settings.target_unit, settings.target_transform)
    title = settings.property_name.replace("_", " ")
    _save(folder / "ablation.png", "ablation", errors, unit=unit, title=title)


def _save(path: Path, function: str, *values: Any, **labels: Any) -> None:
    """Draw with a function of `ase_orbital.plotting`, and save the figure."""
    if (plotting := _plotting()) is not None:
        getattr(plotting, function)(*values, **labels).savefig(path)


@cache
def _plotting() -> Any:
    try:
        return import_module("ase_orbital.plotting")
    except ModuleNotFoundError:
        logger.info("figures need matplotlib: pip install 'ase-orbital[plot]'")
        return None
