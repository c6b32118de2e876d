"""Train a model and write its folder, with card, metrics and figures."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import torch

from ase_orbital.errors import SettingError, check_path
from ase_orbital.files import write_text
from ase_orbital.models import Ensemble
from ase_orbital.numerics.torch_state import default_float32, own_torch_state
from ase_orbital.training.calibration import LEAST_CRYSTALS, fit_uncertainty
from ase_orbital.training.cards import write_card
from ase_orbital.training.evaluation import Evaluation, evaluate, has_new_element
from ase_orbital.training.figures import draw_evaluation, draw_history
from ase_orbital.training.fitting import fit
from ase_orbital.training.preparation import CHECKPOINTS, Prepared, make_network, prepare
from ase_orbital.training.progress import what_is_kept
from ase_orbital.training.relaxation import fit_relaxation
from ase_orbital.training.settings import TrainingSettings
from ase_orbital.training.transfer import (
    relaxation_of_start,
    start_from,
    with_network_of_start,
)

if TYPE_CHECKING:
    from pathlib import Path

    from ase_orbital.models.crystal_model import CrystalModel
    from ase_orbital.models.network import Network
    from ase_orbital.training.dataset import Source

# Settings that determine the split.
SPLITTING = ("split", "sizes", "seed", "test_column", "group_column", "id")

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Run:
    """Results of a training run.

    Parameters
    ----------
    model
        Trained model, ready to predict.
    folder
        Folder of the run; `load_model` opens its subfolder `model`.
    evaluations
        Evaluations on the sets "train", "validation" and "test"; empty sets are left out.
    seconds
        Training time, including that before interruptions.
    """

    model: CrystalModel = field(repr=False)
    folder: Path
    evaluations: dict[str, Evaluation] = field(repr=False)
    seconds: float = 0.0

    @property
    def metrics(self) -> dict[str, float]:
        """Sizes and metrics of all sets, as in the card: `mae_test`, `n_train` ..."""
        return {
            f"{metric}_{name}": value
            for name, evaluation in self.evaluations.items()
            for metric, value in evaluation.metrics.items()
        }


@own_torch_state()
def train(
    source: Source,
    folder: str | Path,
    settings: TrainingSettings | None = None,
    *,
    cache: str | Path | None = None,
    card: dict[str, str] | None = None,
    other_data: bool = False,
    **changes: Any,
) -> Run:
    """Train a model on crystals, or resume an interrupted run.

    Parameters
    ----------
    source
        File, folder, (structures, targets) or DataFrame; see `read_dataset`.
    folder
        Folder of the run, created if it does not exist. It receives `settings.json`,
        `split.json`, `data.json` with checksums of the crystals, `rejected.csv`,
        `features`, a folder for each member with checkpoints and history,
        `predictions.csv` of the test set, `model`, and figures.
    settings
        Settings of the run; None for the defaults. `changes` are settings by name and take
        precedence. If `members` is raised later, the existing members are kept.
    cache
        Folder of the cached features, to share them between runs; None for `features` in
        `folder`.
    card
        Texts of the model card: "name", "data", "command", "limits", "license", "citation".
    other_data
        Whether to resume a run even if crystals or targets have changed since it began. It
        keeps its split, so crystals that were added are not used.

    Returns
    -------
    Run
        The averaged and calibrated model with its evaluations.

    Raises
    ------
    DataError
        If no crystal can be used, or the folder holds a run on other data.
    SettingError
        If a setting is invalid, the folder holds a run with other settings, or the loss
        becomes infinite or nan.
    """
    # Only what was given: a starting model gives the rest of the network.
    given = {} if settings is None else settings.model_dump(exclude_unset=True)
    settings = with_network_of_start(TrainingSettings(**given | changes))
    folder = check_path("folder", folder)
    features = None if cache is None else check_path("cache", cache)
    settings = _checked_settings_of_run(folder, settings)
    folder.mkdir(parents=True, exist_ok=True)
    prepared = prepare(source, settings, folder, features, other_data=other_data)
    settings = settings.of_size(len(prepared.ids["train"]))
    assert settings.members is not None
    # Only now: after unusable data, the folder stays free for other settings.
    write_text(folder / "settings.json", json.dumps(settings.to_dict(), indent=1) + "\n")
    sizes = ", ".join(f"{len(ids):,} {name}" for name, ids in prepared.ids.items())
    logger.info("crystals: %s; %d left out", sizes, len(prepared.rejected))
    try:
        trained = [
            _train_member(prepared, settings, folder, i) for i in range(settings.members)
        ]
        members, seconds = zip(*trained, strict=True)
        with default_float32():
            model = (members[0] if len(members) == 1 else Ensemble([*members])).eval()
        _fit_uncertainty(model, prepared, settings, folder)
    except KeyboardInterrupt:
        logger.warning("%s", what_is_kept(folder))
        raise
    run = Run(model, folder, evaluate_sets(model, prepared), sum(seconds))
    last, evaluation = [*run.evaluations.items()][-1]
    evaluation.save(folder / "predictions.csv")
    save_model(run, settings, card or {})
    draw_evaluation(folder, model, evaluation, prepared.sets[last])
    return run


def _train_member(
    prepared: Prepared, settings: TrainingSettings, folder: Path, index: int
) -> tuple[Network, float]:
    """Train one network, or resume it; return the network and the seconds it took."""
    settings = settings.of_member(index)
    train_set = prepared.sets["train"]
    target: dict[str, float] = {}
    if not settings.classes:
        target["target_mean"] = float(train_set.targets.mean())
        target["target_scale"] = float(train_set.targets.std(unbiased=False)) or 1.0
    model = make_network(
        settings,
        elements=prepared.elements,
        periodicities=prepared.periodicities,
        **target,
    )
    if settings.start_from is not None:
        start_from(model, settings, index)
    subfolder = folder / f"member-{index}"
    subfolder.mkdir(exist_ok=True)
    seconds = fit(model, train_set, prepared.sets.get("validation"), settings, subfolder)
    draw_history(subfolder)
    return model, seconds


def _fit_uncertainty(
    model: CrystalModel, prepared: Prepared, settings: TrainingSettings, folder: Path
) -> None:
    """Fit the uncertainty to the validation set, and to distorted copies for training."""
    train_set, validation = prepared.sets["train"], prepared.sets.get("validation")
    n_crystals = 0 if validation is None else len(validation.targets)
    if validation is None or n_crystals < LEAST_CRYSTALS:
        logger.warning(
            "%d validation crystals: the model has no domain and no calibrated standard "
            "deviation, which need %d",
            n_crystals,
            LEAST_CRYSTALS,
        )
        return
    copies, crystals = None, train_set
    if train_set.relaxation is not None:
        distorted = train_set.relaxation.nan_to_num(0.0) != 0.0
        crystals = train_set.select(torch.nonzero(~distorted).squeeze(1))
        if distorted.any():
            copies = train_set.select(torch.nonzero(distorted).squeeze(1))
    if copies is None:
        relaxation = relaxation_of_start(model, settings)
    else:
        relaxation = fit_relaxation(model, crystals.graph, copies, settings, folder)
    with torch.random.fork_rng():  # layers draw weights
        fit_uncertainty(model, crystals.graph, validation, relaxation=relaxation)


def evaluate_sets(model: CrystalModel, prepared: Prepared) -> dict[str, Evaluation]:
    """Evaluate a model on each set of a run; the test set comes last."""
    for name, dataset in prepared.sets.items():
        if new := int(has_new_element(model, dataset.graph).sum()):
            logger.warning(
                "%d of %d crystals of the %s set have elements that no training crystal "
                "has, so the model will refuse to predict them",
                new, len(dataset.targets), name,
            )  # fmt: skip
    return {
        name: evaluate(model, prepared.ids[name], dataset)
        for name, dataset in prepared.sets.items()
    }


def save_model(run: Run, settings: TrainingSettings, card: dict[str, str]) -> None:
    """Write the model folder and its card."""
    folder = run.folder / "model"
    n_threads = torch.get_num_threads()
    device = f"CPU, {n_threads} thread{'s' if n_threads > 1 else ''}"
    if settings.accelerator != "cpu" and torch.cuda.is_available():
        device = f"{settings.devices} x {torch.cuda.get_device_name()}"
    metadata = {
        "training": {
            "settings": settings.to_dict(),
            "seconds": round(run.seconds),
            "device": device,
            "date": datetime.now(UTC).date().isoformat(),
        },
        "metrics": {
            name: float(f"{value:.6g}") if isinstance(value, float) else value
            for name, value in run.metrics.items()
        },
        "card": card,
    }
    run.model.save(folder, metadata=metadata)
    write_card(folder, run.model, metadata)


def _checked_settings_of_run(folder: Path, settings: TrainingSettings) -> TrainingSettings:
    """Raise SettingError if the folder holds a run with other settings.

    The number of members is that of the run if it is not given. A run that was stopped
    before its first checkpoint may begin anew with other settings.
    """
    path = folder / "settings.json"
    if not path.is_file():
        return settings
    before = TrainingSettings(**TrainingSettings.read_file(path))
    differing = settings.differences(before)
    if not any(folder.glob(CHECKPOINTS)):
        if set(differing).intersection(SPLITTING):
            (folder / "split.json").unlink(missing_ok=True)
        return settings
    if settings.members is None:
        settings = settings.model_copy(update={"members": before.members})
        differing.remove("members")
    elif settings.members > (before.members or 1):
        differing.remove("members")  # new members join the existing ones
    if differing:
        raise SettingError(
            f"{folder} holds a run with other values of {', '.join(differing)}; give "
            "another folder, or the same settings to resume that run"
        )
    return settings
