"""Models side by side on one set of crystals."""

from __future__ import annotations

import logging
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import torch

from ase_orbital.errors import DataError, ElementError, ModelError, SettingError
from ase_orbital.training.batches import Labeled
from ase_orbital.training.dataset import read_dataset
from ase_orbital.training.evaluation import Evaluation, evaluate
from ase_orbital.training.features import FeatureCache
from ase_orbital.training.figures import draw_comparison, draw_evaluation
from ase_orbital.training.settings import TrainingSettings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ase_orbital.models.crystal_model import CrystalModel
    from ase_orbital.training.dataset import Dataset, Source

logger = logging.getLogger(__name__)


def compare(
    models: Mapping[str, CrystalModel],
    source: Source,
    *,
    folder: str | Path | None = None,
    cache: str | Path | None = None,
    where: str | None = None,
    workers: int = 1,
    progress: bool = False,
    **reading: Any,
) -> dict[str, Evaluation]:
    """Evaluate models of one property on one set of crystals.

    Parameters
    ----------
    models
        By the name they are to be told apart by.
    source
        As for `read_dataset`.
    folder
        For the predictions as CSV and the pictures, a folder a model; None for neither.
    cache
        Folder of the features; None for a temporary one.
    where
        Only crystals where this column of the data is true.
    workers, progress
        Processes to compute features with; show a bar.
    **reading
        `column`, `at_most` and `id`, as in `TrainingSettings`.

    Returns
    -------
    dict
        Evaluation of each model, all on the same crystals.

    Raises
    ------
    DataError
        If nothing in the source can be used: has the target, and is known to all models.
    ModelError
        If the models predict different things.
    SettingError
        If they learned classes, and nothing says which those are, or the reverse.
    """
    first = next(iter(models.values()))
    for model in models.values():
        if (model.property_name, model.transform, model.n_classes) != (
            first.property_name, first.transform, first.n_classes
        ):  # fmt: skip
            raise ModelError(
                f"models of {first.property_name} and of {model.property_name} cannot be "
                "compared; give models of one property"
            )
    settings = TrainingSettings(
        property_name=first.property_name,
        test_column=where,
        network_settings={"transform": first.transform},
        **reading,
    )
    if settings.classes != (first.n_classes is not None):
        advice = "leave out" if settings.classes else "give"
        raise SettingError(
            f"{advice} at_most: models of {first.property_name} learned "
            f"{'numbers' if settings.classes else 'classes'}"
        )
    crystals = _known_to_all(models, read_dataset(source, settings))
    if where is not None:
        rest = {name: "" for name in crystals.ids if name not in crystals.marked}
        crystals = crystals.without(rest)
    out = {}
    places = _folder_names(models)
    with TemporaryDirectory() as temporary:
        caches = {
            name: FeatureCache(cache or temporary, model.descriptor, model.connectivity)
            for name, model in models.items()
        }
        for features in caches.values():
            _, failed = features.graphs(
                crystals.structures, workers=workers, progress=progress
            )
            reasons = {crystals.ids[index]: reason for index, reason in failed.items()}
            crystals = _without(crystals, reasons, "have no features")
        if not crystals.ids:
            raise DataError(
                f"no crystal is left to evaluate on; {len(crystals.rejected)} are out"
            )
        for name, model in models.items():
            graph, _ = caches[name].graphs(crystals.structures)
            assert graph is not None  # all that failed are out
            labeled = Labeled(graph, torch.tensor(crystals.targets))
            out[name] = evaluate(model, crystals.ids, labeled)
            if folder is not None:
                place_of_model = Path(folder) / places[name]
                place_of_model.mkdir(parents=True, exist_ok=True)
                out[name].save(place_of_model / "predictions.csv")
                draw_evaluation(place_of_model, model, out[name], labeled)
    if folder is not None and len(models) > 1:
        draw_comparison(Path(folder), first, out)
    return out


def _folder_names(models: Iterable[str]) -> dict[str, str]:
    """Last parts of the models' names, as many as it takes to tell them apart."""
    parts = {name: Path(name).parts for name in models}
    for length in range(1, max(map(len, parts.values())) + 1):
        names = {name: "-".join(part[-length:]) for name, part in parts.items()}
        if len(set(names.values())) == len(names):
            break
    return {name: short.replace("/", "") for name, short in names.items()}


def _known_to_all(models: Mapping[str, CrystalModel], crystals: Dataset) -> Dataset:
    reasons = {}
    for name, atoms in zip(crystals.ids, crystals.structures, strict=True):
        try:
            for model in models.values():
                model.check_elements(atoms)
        except ElementError as error:
            reasons[name] = str(error)
    return _without(crystals, reasons, "have elements a model does not know")


def _without(crystals: Dataset, reasons: dict[str, str], summary: str) -> Dataset:
    """Set crystals aside, and say so in a line."""
    if reasons:
        name, reason = next(iter(reasons.items()))
        logger.warning(
            "%d crystals %s and are left out, such as %s: %s",
            len(reasons), summary, name, reason,
        )  # fmt: skip
    return crystals.without(reasons)
