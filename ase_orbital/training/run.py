"""From crystals to a model folder with its card, figures and pictures."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from matgl import load_model

from ase_orbital.errors import ModelError, SettingError
from ase_orbital.models import Ensemble
from ase_orbital.training.cards import write_card
from ase_orbital.training.evaluation import Evaluation, evaluate
from ase_orbital.training.figures import draw_evaluation, draw_history
from ase_orbital.training.fitting import fit
from ase_orbital.training.metrics import calibration
from ase_orbital.training.preparation import Prepared, make_network, prepare
from ase_orbital.training.settings import TrainingSettings

if TYPE_CHECKING:
    from ase_orbital.models.crystal_model import CrystalModel
    from ase_orbital.training.dataset import Source

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Run:
    """What came out of a training run.

    Parameters
    ----------
    model
        Ready to predict.
    folder
        Where everything is; `folder / "model"` is for `load_model`.
    evaluations
        On each of "train", "validation" and "test" that has crystals.
    seconds
        Of training, interrupted parts included.
    """

    model: CrystalModel
    folder: Path
    evaluations: dict[str, Evaluation]
    seconds: float = 0.0

    @property
    def metrics(self) -> dict[str, float]:
        """Sizes and measures as in the model's card: `mae_test`, `n_train` ..."""
        return {
            f"{name}_{part}": value
            for part, evaluation in self.evaluations.items()
            for name, value in evaluation.metrics.items()
        }


def train(
    source: Source,
    folder: str | Path,
    settings: TrainingSettings | None = None,
    *,
    cache: str | Path | None = None,
    card: dict[str, str] | None = None,
    **changes: Any,
) -> Run:
    """Train a model on crystals, or go on with a run that was interrupted.

    Parameters
    ----------
    source
        File, folder or (structures, targets); see `read_dataset`.
    folder
        Of the run, made if need be: `settings.json`, `split.json`, `rejected.csv`,
        `features`, a folder a member with its checkpoint and history, `predictions.csv` of
        the test set, `model` and pictures.
    settings
        Of the run; None for the defaults. `changes` are settings by name, on top. A run can
        be given more `members` later: those it has are not trained again.
    cache
        Folder of the features, to share them between runs; None for one in `folder`.
    card
        Texts of the model card: "data", "command", "limits", "license", "citation".

    Returns
    -------
    Run
        The model, averaged and calibrated, and its evaluations.

    Raises
    ------
    DataError
        If there is nothing to learn from.
    SettingError
        If a setting means nothing, or the folder has a run of other settings.
    """
    values = {} if settings is None else settings.to_dict()
    settings = TrainingSettings.from_dict(values | changes)
    folder = Path(folder)
    _refuse_others(folder, settings)
    folder.mkdir(parents=True, exist_ok=True)
    prepared = prepare(source, settings, folder, Path(cache) if cache else None)
    # Now it is a run: data that cannot be used leave the folder to other settings.
    text = json.dumps(settings.to_dict(), indent=1)
    (folder / "settings.json").write_text(text + "\n", encoding="utf-8")
    sizes = ", ".join(f"{len(names):,} {part}" for part, names in prepared.ids.items())
    logger.info("crystals: %s; %d set aside", sizes, len(prepared.rejected))
    members, seconds = [], 0.0
    for index in range(settings.members):
        member, spent = train_member(prepared, settings.of_member(index), folder, index)
        members.append(member)
        seconds += spent
    model = members[0] if len(members) == 1 else _ensemble(members, prepared)
    model.domain.fit(prepared.sets["train"].graph)
    evaluations = {
        part: evaluate(model, prepared.ids[part], crystals)
        for part, crystals in prepared.sets.items()
    }
    run = Run(model, folder, evaluations, seconds)
    last = "test" if "test" in evaluations else next(reversed(evaluations))
    evaluations[last].save(folder / "predictions.csv")
    save_model(run, settings, card or {})
    draw_evaluation(folder, model, evaluations[last], prepared.sets[last])
    for index in range(settings.members):
        draw_history(folder / f"member-{index}")
    return run


def train_member(
    prepared: Prepared, settings: TrainingSettings, folder: Path, index: int
) -> tuple[CrystalModel, float]:
    """Train one network, or go on with it; it and its seconds come back."""
    train_set = prepared.sets["train"]
    if settings.classes:
        mean, scale = 0.0, 1.0
    else:
        mean = float(train_set.targets.mean())
        scale = float(train_set.targets.std(unbiased=False)) or 1.0
    model = make_network(
        settings, target_mean=mean, target_scale=scale, elements=prepared.elements
    )
    if settings.start_from is not None:
        start_from(model, settings.start_from, index)
    place = folder / f"member-{index}"
    place.mkdir(exist_ok=True)
    seconds = fit(model, train_set, prepared.sets.get("validation"), settings, place)
    return model, seconds


def start_from(model: CrystalModel, folder: str, index: int) -> None:
    """Begin with the weights of another model, as far as they are not of its property.

    What is left: scale and domain of the other's training set, and an output layer of
    another number of classes. Of an ensemble the member of this index is taken, counted on
    from the first after the last: what begins alike errs alike.

    Raises
    ------
    ModelError
        If the folder has no model, or one of another network, rows or widths.
    """
    if not (Path(folder) / "model.json").is_file():
        raise ModelError(f"there is no model to start from in {folder}")
    other = load_model(Path(folder))
    if isinstance(other, Ensemble):
        other = other.members[index % len(other.members)]
    if type(other) is not type(model) or other.descriptor != model.descriptor:
        raise ModelError(
            f"the model in {folder} is a {type(other).__name__} on {other.descriptor}, and "
            f"this a {type(model).__name__} on {model.descriptor}; their weights do not fit"
        )
    weights = {
        name: value
        for name, value in other.state_dict().items()
        if not name.startswith(("target_", "domain."))
        and not (name.startswith("output.") and other.n_classes != model.n_classes)
    }
    try:
        model.load_state_dict(model.state_dict() | weights)
    except RuntimeError as error:
        raise ModelError(f"the weights in {folder} do not fit: {error}") from error


def _ensemble(members: list[CrystalModel], prepared: Prepared) -> Ensemble:
    """Join members, with a spread that is calibrated on the validation set."""
    model = Ensemble(members)
    if "validation" in prepared.sets and not model.n_classes:
        raw = evaluate(model, prepared.ids["validation"], prepared.sets["validation"])
        assert raw.std is not None
        scale, floor = calibration(raw.known, raw.predicted, raw.std)
        model = Ensemble(members, std_scale=scale, std_floor=floor)
    model.eval()
    return model


def save_model(run: Run, settings: TrainingSettings, card: dict[str, str]) -> None:
    """Write the model folder and its card."""
    folder = run.folder / "model"
    metadata = {
        "training": {
            "settings": settings.to_dict(),
            "seconds": round(run.seconds),
            "device": _device_of(settings),
            "date": datetime.now(UTC).date().isoformat(),
        },
        "metrics": {name: _short(value) for name, value in run.metrics.items()},
        "card": card,
    }
    run.model.save(folder, metadata=metadata)
    write_card(folder, run.model, metadata)


def _short(value: float) -> float:
    return float(f"{value:.6g}") if isinstance(value, float) else value


def _device_of(settings: TrainingSettings) -> str:
    if settings.accelerator != "cpu" and torch.cuda.is_available():
        return f"{settings.devices} x {torch.cuda.get_device_name()}"
    return f"CPU, {torch.get_num_threads()} thread(s)"


def _refuse_others(folder: Path, settings: TrainingSettings) -> None:
    """Raise SettingError if the folder has a run of other settings."""
    path = folder / "settings.json"
    if path.is_file():
        before = TrainingSettings.from_file(path)
        others = settings.differences(before)
        if settings.members > before.members:
            others.remove("members")  # those that are there stay, the others join them
        if others:
            raise SettingError(
                f"{folder} holds a run with other values of {', '.join(others)}; give "
                "another folder, or the same settings to go on with that run"
            )
