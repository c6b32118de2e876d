"""Comparison of several models on the same crystals."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import torch

from ase_orbital.errors import DataError, ElementError, ModelError, SettingError, check_path
from ase_orbital.files import write_text
from ase_orbital.numerics.torch_state import own_torch_state
from ase_orbital.training.batches import GraphDataset
from ase_orbital.training.cards import target_unit
from ase_orbital.training.dataset import read_dataset
from ase_orbital.training.evaluation import Evaluation, evaluate
from ase_orbital.training.features import FeatureCache
from ase_orbital.training.figures import draw_comparison, draw_evaluation
from ase_orbital.training.run_data import sets_of_run
from ase_orbital.training.settings import TrainingSettings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ase_orbital.models.crystal_model import CrystalModel
    from ase_orbital.training.dataset import Dataset, Source

RECORD = "evaluation.json"  # what was evaluated, for a report

logger = logging.getLogger(__name__)


@own_torch_state()
def compare(
    models: Mapping[str, CrystalModel],
    source: Source,
    *,
    folder: str | Path | None = None,
    cache: str | Path | None = None,
    where: str | None = None,
    only: str | None = None,
    workers: int = 1,
    progress: bool = False,
    **reading: Any,
) -> dict[str, Evaluation]:
    """Evaluate models of one property on the same crystals.

    Parameters
    ----------
    models, source
        Loaded models by their names, and crystals as for `read_dataset`. A warning is
        logged if crystals were used to train a model, or to calibrate its uncertainty.
    folder
        Folder for predictions as CSV files and figures, one subfolder per model, and
        `evaluation.json`, which says what was evaluated; None to write nothing.
    cache
        Folder of the cached features; None for a temporary one.
    where
        Use only crystals where this column of the data is true.
    only
        Use only crystals in this set of the runs of all models: "test", "train" or
        "validation".
    workers, progress
        Processes that compute features, and whether to show a progress bar.
    **reading
        `column`, `at_most`, `id` and `format`, as in `TrainingSettings`.

    Returns
    -------
    dict
        Evaluation of each model, by its name.

    Raises
    ------
    DataError
        If no crystal has a target and elements that all models know, or the sets of a run
        are not known.
    ModelError
        If the models do not predict the same property in the same form.
    SettingError
        If the models are no dictionary, or they learned classes and `at_most` is missing,
        or the reverse.
    """
    if not isinstance(models, Mapping) or not models:
        raise SettingError("models must be a dictionary of names and loaded models")
    folder = None if folder is None else check_path("folder", folder)
    first = next(iter(models.values()))
    settings = TrainingSettings(
        property_name=first.property_name,
        test_column=where,
        transform=first.transform,
        **reading,
    )
    _check_models(models.values(), settings)
    dataset = _of_set(models, read_dataset(source, settings), only)
    dataset = _known_to_all(models, dataset)
    if where is not None:
        dataset = dataset.select(name for name in dataset.ids if name in dataset.test_ids)
    evaluations = {}
    with TemporaryDirectory() as temporary:
        caches = {
            name: FeatureCache(cache or temporary, model.descriptor, model.connectivity)
            for name, model in models.items()
        }
        for features in caches.values():
            _, failed = features.graphs(
                dataset.structures, workers=workers, progress=progress
            )
            reasons = {dataset.ids[index]: reason for index, reason in failed.items()}
            dataset = _without(dataset, reasons, "have no features")
        if not dataset.ids:
            raise DataError(
                f"no crystal is left for the evaluation: all {len(dataset.rejected)} are "
                "left out"
            )
        for name, model in models.items():
            graph, _ = caches[name].graphs(dataset.structures)
            assert graph is not None  # failing crystals are left out
            labeled = GraphDataset(graph, torch.tensor(dataset.targets))
            evaluations[name] = evaluate(model, dataset.ids, labeled)
            if folder is not None:
                subfolder = folder / _folder_name(name, models)
                subfolder.mkdir(parents=True, exist_ok=True)
                evaluations[name].save(subfolder / "predictions.csv")
                draw_evaluation(subfolder, model, evaluations[name], labeled)
    if folder is not None:
        record = {
            "property": first.property_name,
            "unit": target_unit(first),
            "classes": first.n_classes is not None,
            "data": Path(source).name if isinstance(source, str | Path) else "",
            "models": {name: _folder_name(name, models) for name in models},
        }
        write_text(folder / RECORD, json.dumps(record, indent=1) + "\n")
    if folder is not None and len(models) > 1:
        draw_comparison(folder, first, evaluations)
    return evaluations


def _check_models(models: Iterable[CrystalModel], settings: TrainingSettings) -> None:
    """Check that the models learned the same targets, and that the settings give those."""
    (name, _, n_classes), *others = {
        (model.property_name, model.transform, model.n_classes): None for model in models
    }
    if others:
        names = " and ".join([name, *(other for other, _, _ in others)])
        raise ModelError(
            f"models of {names} cannot be compared, because their targets differ; give "
            "models of one property"
        )
    if settings.classes and n_classes is None:
        raise SettingError(f"leave out at_most: models of {name} learned numbers")
    if n_classes is not None and not settings.classes:
        raise SettingError(f"give at_most: models of {name} learned classes")


def _folder_name(model: str, models: Iterable[str]) -> str:
    """Join the last parts of a path, as many as distinguish it from the other paths."""
    parts = [Path(other).parts for other in models]
    length, longest = 1, max(map(len, parts))
    while length < longest and len({part[-length:] for part in parts}) < len(parts):
        length += 1
    return "-".join(Path(model).parts[-length:]).replace("/", "")


def _of_set(models: Iterable[str], dataset: Dataset, only: str | None) -> Dataset:
    """Select the crystals in a set of all runs; warn if models have seen the crystals."""
    for name in models:
        sets = sets_of_run(dataset, name)
        if only is not None:
            if only not in sets:
                raise DataError(
                    f"it is not known which crystals are in the {only} set of {name}; give "
                    "the folder of the model inside that of its run, or a column (where)"
                )
            dataset = dataset.select(sets[only])
        elif seen := [*sets.get("train", []), *sets.get("validation", [])]:
            logger.warning(
                "%d of %d crystals were used to train or calibrate %s, so that its errors "
                'are too small; only="test" (--only test) leaves them out',
                len(seen), len(dataset.ids), name,
            )  # fmt: skip
    if not dataset.ids:
        raise DataError(
            f"none of the crystals is in the {only} set of {' and '.join(models)}"
        )
    return dataset


def _known_to_all(models: Mapping[str, CrystalModel], dataset: Dataset) -> Dataset:
    reasons = {}
    for name, atoms in zip(dataset.ids, dataset.structures, strict=True):
        try:
            for model in models.values():
                model.check_elements(atoms)
        except ElementError as error:
            reasons[name] = str(error)
    return _without(dataset, reasons, "have elements that a model does not know")


def _without(dataset: Dataset, reasons: dict[str, str], summary: str) -> Dataset:
    """Reject crystals, and log how many and why."""
    if reasons:
        name, reason = next(iter(reasons.items()))
        message = "%d crystals %s and are left out, such as %s: %s"
        logger.warning(message, len(reasons), summary, name, reason)
    return dataset.without(reasons)
