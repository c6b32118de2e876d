"""Model cards: what a model predicts, how accurately, and how it was trained."""

from __future__ import annotations

import textwrap
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ase_orbital.elements import SYMBOLS
from ase_orbital.files import write_text
from ase_orbital.models import Ensemble
from ase_orbital.numerics.digits import four_digits
from ase_orbital.properties import PROPERTIES, minimum_of, transformed_unit
from ase_orbital.training.settings import TrainingSettings
from ase_orbital.training.splits import MEGNET_SIZES

if TYPE_CHECKING:
    from ase_orbital.models.crystal_model import CrystalModel

REFERENCES = {
    "EOSNet": "Tao & Zhu, J. Phys. Chem. Lett. 16, 717 (2025), "
    "doi:10.1021/acs.jpclett.4c03179",
    "OCrystalNet": "X. Yang, Leveraging Orbital Information and Atomic Feature in Deep "
    "Learning Model (Orbital CrystalNet)",
}
METRICS = {
    "mae": "mean absolute error",
    "mae_of_mean": "the same for predicting the mean",
    "rmse": "root mean square error",
    "mae_property": "mean absolute error of the property",
    "rmse_property": "root mean square error of the property",
    "r": "correlation R",
    "r2": "R²",
    "accuracy": "accuracy",
    "accuracy_of_majority": "the same for predicting the more frequent class",
    "balanced_accuracy": "balanced accuracy",
    "roc_auc": "area under the ROC curve",
    "f1": "F1",
    "coverage_90": "share within the nominal 90 % interval",
    "coverage_90_lowest": "lowest such share in a fifth by standard deviation",
    "coverage_90_highest": "highest such share",
    "in_domain": "share in the domain",
    "outside_ratio": "error outside the domain, over that inside",
}
LOSSES = {"mae": "mean absolute error", "mse": "squared error", "huber": "Huber loss"}
SETS = {
    "test": "test set",
    "validation": "validation set",
    "train": "training set",
    "held_out": "other crystals",
    "copies": "distorted copies",
    "new_systems": "test crystals of new chemical systems",
    "new_prototypes": "test crystals of new prototypes",
}


def write_card(folder: Path, model: CrystalModel, metadata: dict[str, Any]) -> None:
    """Write the card of a model, README.md in its folder.

    The metadata are those of model.json: `training` (settings, seconds, device, date),
    `metrics` (`mae_test`, `n_train` and so on) and `card` (texts: name, data, command,
    limits, license, citation).
    """
    training, texts = metadata["training"], metadata["card"]
    settings = TrainingSettings(**training["settings"])
    elements = model.elements or []
    items = {
        "Network": _network(model, settings),
        "Data": texts.get("data", "Not given."),
        "Split": _split(settings),
        "Training": _training(settings, training),
        "Command": texts.get("command", "Not given."),
        "Other geometries": texts.get("geometries", ""),
        "Uncertainty": texts.get("uncertainty", ""),
        "Limits": texts.get("limits", "Crystals like those of the training set."),
        "License": texts.get("license", "Not given."),
        "Please cite": texts.get("citation", f"{REFERENCES[settings.network]}."),
    }
    known = PROPERTIES.get(model.property_name)
    meaning = f": {known.meaning}" if known else ""
    unit = f" in {model.unit}" if model.unit not in ("", "1") else ""
    minimum = minimum_of(model.property_name)
    if model.n_classes is None and model.transform == "identity" and isfinite(minimum):
        meaning += f". Predictions below {minimum:g} are set to {minimum:g}"
    lines = [
        f"# {texts.get('name', f'{settings.network} for {model.property_name}')}",
        "",
        _wrapped(f"Predicts `{model.property_name}`{unit}{meaning}.", ""),
        "",
        *_metrics(metadata["metrics"], model),
        *texts.get("metrics", "").splitlines(),
        "",
        *(_wrapped(f"- **{title}**: {text}") for title, text in items.items() if text),
        "",
        f"The model knows {len(elements)} elements:",
        _wrapped(" ".join(SYMBOLS[number] for number in elements), ""),
        "",
    ]
    write_text(folder / "README.md", "\n".join(lines))


def target_unit(model: CrystalModel) -> str:
    """Return the unit of the targets, which may be a logarithm; empty for classes."""
    if model.n_classes is not None:
        return ""
    return transformed_unit(model.unit, model.transform)


def _metrics(metrics: dict[str, Any], model: CrystalModel) -> list[str]:
    unit = target_unit(model)
    sets = [name for name in SETS if f"n_{name}" in metrics]
    head = [f"{SETS[name]}, {metrics[f'n_{name}']:,} crystals" for name in sets]
    lines = ["| | " + " | ".join(head) + " |", "|---" * (len(sets) + 1) + "|"]
    for metric, title in METRICS.items():
        values = [metrics.get(f"{metric}_{name}") for name in sets]
        if all(value is None for value in values):
            continue
        if metric in ("mae", "rmse", "mae_of_mean") and unit:
            title = f"{title}, {unit}"
        if metric.endswith("_property") and model.unit:
            title = f"{title}, {model.unit}"
        cells = ["" if value is None else four_digits(value) for value in values]
        if metric == "mae":
            cells[0] = f"**{cells[0]}**"
        lines.append(f"| {title} | " + " | ".join(cells) + " |")
    return lines


def _network(model: CrystalModel, settings: TrainingSettings) -> str:
    changes = ", ".join(f"{name} {v}" for name, v in settings.network_settings.items())
    network = f"{settings.network} with {changes or 'default settings'}"
    if isinstance(model, Ensemble):
        network = (
            f"Ensemble of {len(model.members)} networks with consecutive seeds, each "
            f"{network}; it returns their mean"
        )
        if model.n_classes:
            network += (
                " and their disagreement as standard deviation, which is not calibrated, "
                "while the probability is"
            )
    smoothing = model.connectivity.smoothing
    neighbors = f"soft nearest neighbors with smoothing {smoothing} Å"
    if smoothing is None:
        neighbors = "exactly the k nearest neighbors"
    return (
        f"{network}. {model.num_parameters:,} parameters; {neighbors}. "
        f"{REFERENCES[settings.network]}."
    )


def _split(settings: TrainingSettings) -> str:
    kind, sizes = settings.split, settings.sizes
    if kind == "megnet":
        kind, sizes = "random, as large as that of MEGNet", MEGNET_SIZES
    numbers = ", ".join(f"{size:g}" for size in sizes)
    text = f"{kind[0].upper()}{kind[1:]}, with sizes {numbers} (training, validation, test)"
    if settings.split.endswith(".json"):
        text = "Given by a file of identifiers"
    if settings.test_column:
        text += f"; the test set is marked by `{settings.test_column}` in the data"
    if settings.most_atoms:
        most = f"cells of more than {settings.most_atoms} atoms"
        text += f"; {most} are left out of the training set"
    return f"{text}. Seed {settings.seed}."


def _training(settings: TrainingSettings, training: dict[str, Any]) -> str:
    base = settings.start_from
    start = f"Starts from `{Path(base).name}`. " if base else ""
    loss = "negative log-likelihood" if settings.classes else LOSSES[settings.loss]
    end = {
        "cosine": f"falls to {settings.last_rate:g} along a cosine",
        "exponential": f"falls to {settings.last_rate:g} exponentially",
        "milestones": f"drops to a tenth at {len(settings.milestones)} milestones",
        "constant": "stays constant",
    }[settings.schedule]
    patience = settings.patience
    most = "at most " if patience and patience < settings.epochs else ""
    kept = ", of which the one with the lowest validation loss is kept" if patience else ""
    average = f", weights averaged with decay {settings.averaging}"
    return (
        f"{start}{loss[0].upper()}{loss[1:]}, {settings.optimizer.capitalize()}, batches "
        f"of {settings.batch_size}, {most}{settings.epochs} epochs{kept}"
        f"{average if settings.averaging else ''}. The learning rate rises from "
        f"{settings.first_rate:g} to {settings.learning_rate:g} in the first "
        f"{settings.warm_up:.0%} of the steps, then {end}. Trained in "
        f"{training['seconds'] / 60:.0f} minutes on {training['device']}, "
        f"{training['date']}."
    )


def _wrapped(text: str, indent: str = "  ") -> str:
    return textwrap.fill(
        text, 92, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )
