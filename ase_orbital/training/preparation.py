"""From crystals as a user has them to three sets of graphs with targets."""

from __future__ import annotations

import csv
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from ase_orbital.errors import DataError, SettingError
from ase_orbital.models.ensemble import NETWORKS
from ase_orbital.training.batches import Labeled
from ase_orbital.training.dataset import Rejected, read_dataset
from ase_orbital.training.features import FeatureCache
from ase_orbital.training.splits import MEGNET_SIZES, PARTS, Split, draw_split, group_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ase_orbital.models.crystal_model import CrystalModel
    from ase_orbital.training.dataset import Dataset, Source
    from ase_orbital.training.settings import TrainingSettings

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Prepared:
    """Three sets, ready to learn from.

    Parameters
    ----------
    ids, sets
        Names, and graphs with targets, of each of "train", "validation" and "test" that has
        crystals.
    rejected
        What was set aside, and why.
    elements
        Atomic numbers in the training set.
    """

    ids: dict[str, list[str]]
    sets: dict[str, Labeled]
    rejected: list[Rejected]
    elements: list[int]


def prepare(
    source: Source, settings: TrainingSettings, folder: Path, cache: Path | None = None
) -> Prepared:
    """Read, divide and featurise; `split.json` and `rejected.csv` say what was done.

    Parameters
    ----------
    source
        As for `read_dataset`.
    settings
        Of the run.
    folder
        For the two files. A split that is there already is used again.
    cache
        Folder of the features; None for `features` in `folder`.

    Raises
    ------
    DataError
        If nothing can be learned from the source, or it cannot be divided as asked.
    """
    crystals = read_dataset(source, settings)
    written = folder / "split.json"
    split = Split.load(written) if written.is_file() else split_of(crystals, settings)
    network = make_network(settings)
    too_large = _too_large(crystals, split, settings)
    left_out = {name for name, _ in too_large}
    used = crystals.indices(name for part in split for name in part if name not in left_out)
    graph, failed = FeatureCache(
        cache or folder / "features", network.descriptor, network.connectivity
    ).graphs(
        [crystals.structures[index] for index in used],
        workers=settings.workers,
        progress=settings.progress,
    )
    reasons = {crystals.ids[used[index]]: reason for index, reason in failed.items()}
    for name, reason in reasons.items():
        logger.warning("%s is left out: %s", name, reason)
    kept = [index for index in used if crystals.ids[index] not in reasons]
    rejected = crystals.rejected + [Rejected(*pair) for pair in reasons.items()]
    rejected += too_large
    with (folder / "rejected.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([Rejected._fields, *rejected])
    if graph is None:
        raise DataError(f"no crystal has features; the first reason: {rejected[0].reason}")
    place = {crystals.ids[index]: at for at, index in enumerate(kept)}
    targets = torch.tensor(crystals.targets[kept], dtype=torch.float32)
    ids, sets = {}, {}
    for part, names in zip(PARTS, split, strict=True):
        here = [name for name in names if name in place]
        if here:
            indices = torch.tensor([place[name] for name in here])
            ids[part] = here
            sets[part] = Labeled(graph.select(indices), targets[indices])
    if "train" not in sets:
        raise DataError(
            f"the training set is empty: none of its {len(split.train)} crystals is there "
            "and can be used; see rejected.csv"
        )
    split.save(written)
    elements = torch.unique(sets["train"].graph.numbers).tolist()
    return Prepared(ids, sets, rejected, elements)


def split_of(crystals: Dataset, settings: TrainingSettings) -> Split:
    """Divide crystals as the settings say."""
    if settings.split.endswith(".json"):
        return Split.load(settings.split)
    sizes: Sequence[float] = settings.sizes
    if settings.split == "megnet":
        sizes = MEGNET_SIZES
    groups = None
    if settings.split not in ("random", "megnet"):
        groups = [group_of(atoms, settings.split) for atoms in crystals.structures]
    if settings.test_column is None:
        return draw_split(crystals.ids, groups, sizes, settings.seed)
    rest = [i for i, name in enumerate(crystals.ids) if name not in crystals.marked]
    test = [name for name in crystals.ids if name in crystals.marked]
    if sum(sizes) <= 1.0 + 1e-9:  # of what is not test, in the proportions asked for
        share = sizes[1] / (sizes[0] + sizes[1])
        sizes = (1.0 - share, share, 0.0)
    drawn = draw_split(
        [crystals.ids[index] for index in rest],
        None if groups is None else [groups[index] for index in rest],
        (sizes[0], sizes[1], 0.0),
        settings.seed,
    )
    return Split(drawn.train, drawn.validation, test)


def _too_large(
    crystals: Dataset, split: Split, settings: TrainingSettings
) -> list[Rejected]:
    if settings.most_atoms is None:
        return []
    train = [(crystals.ids[index], len(crystals.structures[index]))
             for index in crystals.indices(split.train)]  # fmt: skip
    return [
        Rejected(name, f"not trained on: {size} atoms, more than {settings.most_atoms}")
        for name, size in train
        if size > settings.most_atoms
    ]


def make_network(
    settings: TrainingSettings,
    *,
    target_mean: float = 0.0,
    target_scale: float = 1.0,
    elements: list[int] | None = None,
) -> CrystalModel:
    """Make the network the settings ask for, with weights of their seed.

    Raises
    ------
    SettingError
        If `network_settings` has what the network does not take.
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
