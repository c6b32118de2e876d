"""The page a model folder carries: what it predicts, how well, and from what."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ase_orbital.elements import SYMBOLS
from ase_orbital.models import Ensemble
from ase_orbital.properties import PROPERTIES, learned_unit_of
from ase_orbital.training.settings import TrainingSettings

if TYPE_CHECKING:
    from ase_orbital.models.crystal_model import CrystalModel

REFERENCES = {
    "EOSNet": "Tao & Zhu, J. Phys. Chem. Lett. 16, 717 (2025), "
    "doi:10.1021/acs.jpclett.4c03179",
    "OCrystalNet": "X. Yang, Leveraging Orbital Information and Atomic Feature in Deep "
    "Learning Model (Orbital CrystalNet)",
}
MEASURES = {
    "mae": "mean absolute error",
    "rmse": "root mean square error",
    "r": "correlation R",
    "r2": "R²",
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "roc_auc": "area under the ROC curve",
    "f1": "F1",
    "coverage_90": "share within the nominal 90 % interval",
    "in_domain": "share in the domain",
}
LOSSES = {"mae": "mean absolute error", "mse": "squared error", "huber": "Huber loss"}
PARTS = {"test": "test set", "validation": "validation set", "train": "training set"}


def write_card(folder: Path, model: CrystalModel, metadata: dict[str, Any]) -> None:
    """Write README.md into a model folder.

    Parameters
    ----------
    folder
        Of the model.
    model
        What was trained.
    metadata
        `training` (settings, seconds, device, date), `figures` (`mae_test`, `n_train` and
        so on) and `card` (texts: name, data, command, limits, license, citation), as in
        model.json.
    """
    training, texts = metadata["training"], metadata["card"]
    settings = TrainingSettings.from_dict(training["settings"])
    name = texts.get("name", f"{settings.network} for {model.property_name}")
    unit = learned_unit(model)
    lines = [
        f"# {name}",
        "",
        _summary(model),
        "",
        *_metrics(metadata["metrics"], unit),
        *texts.get("metrics", "").splitlines(),
        "",
        *_item("Network", _network(model, settings)),
        *_item("Data", texts.get("data", "not said")),
        *_item("Split", _split(settings)),
        *_item("Training", _training(settings, training)),
        *_item("Command", texts.get("command", "not said")),
        *_item("Limits", texts.get("limits", "crystals like those it was trained on.")),
        *_item("License", texts.get("license", "not said")),
        *_item("Please cite", texts.get("citation", REFERENCES[settings.network] + ".")),
        "",
        f"The {len(model.elements or [])} elements it knows:",
        textwrap.fill(" ".join(SYMBOLS[number] for number in model.elements or []), 92),
        "",
    ]
    (folder / "README.md").write_text("\n".join(lines), encoding="utf-8")


def learned_unit(model: CrystalModel) -> str:
    """Unit of the figures: of what is learned, which may be a logarithm."""
    if model.n_classes is not None:
        return ""
    return learned_unit_of(model.property_name, model.transform)


def _summary(model: CrystalModel) -> str:
    known = PROPERTIES.get(model.property_name)
    meaning = f": {known.meaning}" if known else ""
    unit = f" in {model.unit}" if model.unit not in ("", "1") else ""
    what = f"`{model.property_name}`{unit}"
    return textwrap.fill(f"Predicts {what}{meaning}.", 92)


def _metrics(metrics: dict[str, Any], unit: str) -> list[str]:
    parts = [part for part in PARTS if f"n_{part}" in metrics]
    head = [f"{PARTS[part]}, {metrics[f'n_{part}']:,} crystals" for part in parts]
    lines = ["| | " + " | ".join(head) + " |", "|---" * (len(parts) + 1) + "|"]
    for measure, words in MEASURES.items():
        values = [metrics.get(f"{measure}_{part}") for part in parts]
        if all(value is None for value in values):
            continue
        title = f"{words}, {unit}" if measure in ("mae", "rmse") and unit else words
        cells = ["" if value is None else f"{value:.4f}" for value in values]
        if measure == "mae":
            cells[0] = f"**{cells[0]}**"
        lines.append(f"| {title} | " + " | ".join(cells) + " |")
    return lines


def _network(model: CrystalModel, settings: TrainingSettings) -> str:
    changed = ", ".join(f"{k} {v}" for k, v in settings.network_settings.items())
    kind = f"{settings.network} with " + (changed or "the settings of the paper")
    if isinstance(model, Ensemble):
        kind = (
            f"{len(model.members)} networks of seeds one apart, each {kind}; their mean, "
            "with a spread calibrated on the validation set"
        )
    chosen = (
        "exactly the nearest neighbors"
        if model.connectivity.smoothing is None
        else f"neighbors by occupation, smoothing {model.connectivity.smoothing} Å"
    )
    return (
        f"{kind}. {model.num_parameters:,} weights; {chosen}. "
        f"{REFERENCES[settings.network]}."
    )


def _split(settings: TrainingSettings) -> str:
    kind = settings.split if not settings.split.endswith(".json") else "given by a file"
    text = f"{kind}, sizes {', '.join(f'{size:g}' for size in settings.sizes)}"
    if settings.test_column:
        text += f"; the test set is what `{settings.test_column}` marks in the data"
    if settings.most_atoms:
        text += f"; cells of more than {settings.most_atoms} atoms are not trained on"
    return text + f". Seed {settings.seed}."


def _training(settings: TrainingSettings, training: dict[str, Any]) -> str:
    loss = "negative log-likelihood" if settings.classes else LOSSES[settings.loss]
    parts = [
        f"from `{Path(settings.start_from).name}`" if settings.start_from else "",
        f"{loss}, {settings.optimizer.capitalize()}, batches of {settings.batch_size}",
        f"{'at most ' if settings.patience else ''}{settings.epochs} epochs",
        f"learning rate {settings.first_rate:g} to {settings.learning_rate:g} in the first "
        f"{settings.warm_up:.0%}, then {settings.schedule}",
        f"weights averaged with {settings.averaging}" if settings.averaging else "",
    ]
    return (
        f"{', '.join(part for part in parts if part)}. {training['seconds'] / 60:.0f} "
        f"minutes on {training['device']}; {training['date']}."
    )


def _item(title: str, text: str) -> list[str]:
    return textwrap.fill(
        f"- **{title}**: {text}", 92, subsequent_indent="  ", break_long_words=False,
        break_on_hyphens=False,
    ).splitlines()  # fmt: skip
