"""From structures and targets to training, validation and test sets of graphs."""

from __future__ import annotations

import csv
import logging
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

import torch

from ase_orbital.errors import DataError, SettingError
from ase_orbital.models.ensemble import NETWORKS
from ase_orbital.training.batches import GraphDataset
from ase_orbital.training.dataset import Rejected, read_dataset
from ase_orbital.training.features import FeatureCache
from ase_orbital.training.splits import MEGNET_SIZES, SETS, Split, draw_split, group_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ase_orbital.models.network import Network
    from ase_orbital.training.dataset import Dataset, Source
    from ase_orbital.training.settings import TrainingSettings

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Prepared:
    """Training, validation and test sets, ready for training.

    Parameters
    ----------
    ids, sets
        Identifiers, and graphs with targets, of the sets "train", "validation" and "test";
        empty sets are left out.
    rejected
        Crystals that are not used, with reasons.
    elements
        Atomic numbers in the training set.
    """

    ids: dict[str, list[str]]
    sets: dict[str, GraphDataset]
    rejected: list[Rejected]
    elements: list[int]


def prepare(
    source: Source, settings: TrainingSettings, folder: Path, cache: Path | None = None
) -> Prepared:
    """Read and split crystals, and compute their graphs.

    Parameters
    ----------
    source
        As for `read_dataset`.
    settings
        Settings of the run.
    folder
        Folder of the run, for `split.json` and `rejected.csv`. An existing split is used
        again.
    cache
        Folder of the cached features; None for `features` in `folder`.

    Raises
    ------
    DataError
        If no crystal can be used, or the crystals cannot be split as asked.
    """
    dataset = read_dataset(source, settings)
    split_file = folder / "split.json"
    if split_file.is_file():
        split = Split.load(split_file)
    else:
        split = make_split(dataset, settings)
    dataset = dataset.without(_too_large(dataset, split, settings))
    used = dataset.indices(chain(*split))
    network = make_network(settings)
    graph, failed = FeatureCache(
        cache or folder / "features", network.descriptor, network.connectivity
    ).graphs(
        [dataset.structures[index] for index in used],
        workers=settings.workers,
        progress=settings.progress,
    )
    reasons = {dataset.ids[used[index]]: reason for index, reason in failed.items()}
    for name, reason in reasons.items():
        logger.warning("%s is left out: %s", name, reason)
    rejected = dataset.without(reasons).rejected
    with (folder / "rejected.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([Rejected._fields, *rejected])
    if graph is None:
        raise DataError(f"no crystal has features; the last reason: {rejected[-1].reason}")
    kept = [index for index in used if dataset.ids[index] not in reasons]
    targets = torch.tensor(dataset.targets[kept], dtype=torch.float32)
    place = {dataset.ids[index]: at for at, index in enumerate(kept)}
    ids, sets = {}, {}
    for name, members in zip(SETS, split, strict=True):
        ids_of_set = [crystal for crystal in members if crystal in place]
        if ids_of_set:
            indices = torch.tensor([place[crystal] for crystal in ids_of_set])
            ids[name] = ids_of_set
            sets[name] = GraphDataset(graph.select(indices), targets[indices])
    if "train" not in sets:
        raise DataError(
            f"the training set is empty: none of its {len(split.train)} crystals is in the "
            "data and can be used; see rejected.csv"
        )
    split.save(split_file)
    elements = torch.unique(sets["train"].graph.numbers).tolist()
    return Prepared(ids, sets, rejected, elements)


def make_split(dataset: Dataset, settings: TrainingSettings) -> Split:
    """Split crystals as the settings say."""
    if settings.split.endswith(".json"):
        return Split.load(settings.split)
    sizes: Sequence[float] = settings.sizes
    if settings.split == "megnet":
        sizes = MEGNET_SIZES
    groups = None
    if settings.split not in ("random", "megnet"):
        groups = [group_of(atoms, settings.split) for atoms in dataset.structures]
    if settings.test_column is None:
        return draw_split(dataset.ids, groups, sizes, settings.seed)
    rest = [i for i, name in enumerate(dataset.ids) if name not in dataset.test_ids]
    test = [name for name in dataset.ids if name in dataset.test_ids]
    if sum(sizes) <= 1.0 + 1e-9:  # fractions of the crystals outside the test set
        share = sizes[1] / (sizes[0] + sizes[1])
        sizes = (1.0 - share, share, 0.0)
    drawn = draw_split(
        [dataset.ids[index] for index in rest],
        None if groups is None else [groups[index] for index in rest],
        (sizes[0], sizes[1], 0.0),
        settings.seed,
    )
    return Split(drawn.train, drawn.validation, test)


def _too_large(
    dataset: Dataset, split: Split, settings: TrainingSettings
) -> dict[str, str]:
    """Return the training crystals that are too large, with reasons."""
    largest = settings.most_atoms
    sizes = {
        dataset.ids[index]: len(dataset.structures[index])
        for index in dataset.indices(split.train)
    }
    return {
        name: f"not trained on: {size} atoms, more than {largest}"
        for name, size in sizes.items()
        if largest is not None and size > largest
    }


def make_network(
    settings: TrainingSettings,
    *,
    target_mean: float = 0.0,
    target_scale: float = 1.0,
    elements: list[int] | None = None,
) -> Network:
    """Make the network of the settings, with random weights from their seed.

    Raises
    ------
    SettingError
        If `network_settings` has an argument that the network does not take.
    """
    with torch.random.fork_rng():
        torch.manual_seed(settings.seed)
        try:
            return NETWORKS[settings.network](
                **{"transform": settings.transform, **settings.network_settings},
                property_name=settings.property_name,
                n_classes=2 if settings.classes else None,
                target_mean=target_mean,
                target_scale=target_scale,
                elements=elements,
            )
        except TypeError as error:
            raise SettingError(
                f"{settings.network} does not take these network_settings: {error}"
            ) from error
