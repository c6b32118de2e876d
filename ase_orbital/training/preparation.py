"""From structures and targets to training, validation and test sets of graphs."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ase_orbital.errors import DataError, SettingError
from ase_orbital.files import write_csv
from ase_orbital.models.ensemble import NETWORKS
from ase_orbital.neighbors.periodicity import n_periodic
from ase_orbital.numerics.torch_state import default_float32
from ase_orbital.training.batches import GraphDataset
from ase_orbital.training.dataset import Rejected, read_dataset
from ase_orbital.training.distortions import rattled, strained
from ase_orbital.training.features import FeatureCache
from ase_orbital.training.run_data import changes_of_data, save_data
from ase_orbital.training.splits import (
    MEGNET_SIZES,
    SETS,
    Split,
    draw_folds,
    draw_split,
    group_of,
)

if TYPE_CHECKING:
    from pathlib import Path

    from ase import Atoms

    from ase_orbital.models.network import Network
    from ase_orbital.training.dataset import Dataset, Source
    from ase_orbital.training.settings import TrainingSettings

CHECKPOINTS = "member-*/*.ckpt"  # in the folder of a run

logger = logging.getLogger(__name__)
LEAST_SHARE = 0.05  # of the training set; sets of crystals have a few monolayers


@dataclass(frozen=True)
class Prepared:
    """Training, validation and test sets, ready for training.

    Identifiers, and graphs with targets, are given for the sets "train", "validation" and
    "test" that are not empty; the elements are the atomic numbers in the training set, and
    the periodicities the numbers of directions in which at least one in twenty of its
    structures is periodic.
    """

    ids: dict[str, list[str]]
    sets: dict[str, GraphDataset]
    rejected: list[Rejected]
    elements: list[int]
    periodicities: list[int]


def prepare(
    source: Source,
    settings: TrainingSettings,
    folder: Path,
    cache: Path | None = None,
    *,
    other_data: bool = False,
) -> Prepared:
    """Read and split crystals, and compute their graphs.

    Parameters
    ----------
    source, settings
        As for `read_dataset`.
    folder
        Folder of the run, for `split.json`, which is used again, `rejected.csv`, and
        `data.json`, which has a checksum of each crystal.
    cache
        Folder of the cached features; None for `features` in `folder`.
    other_data
        Whether the data may differ from those that the run was begun with.

    Raises
    ------
    DataError
        If no crystal can be used, the crystals cannot be split as asked, or the folder
        holds a run on other data.
    """
    dataset = given = read_dataset(source, settings)
    split_file = folder / "split.json"
    changes = "" if other_data else changes_of_data(dataset, folder)
    if changes and any(folder.glob(CHECKPOINTS)):
        raise DataError(
            f"{folder} holds a run on other data: {changes}; give another folder, or "
            "other_data=True (--other-data) to go on with its split"
        )
    if changes:  # nothing was trained yet
        split_file.unlink(missing_ok=True)
    _check_same_split(settings, folder)
    split = (
        Split.load(split_file) if split_file.is_file() else make_split(dataset, settings)
    )
    drawn = split  # without the copies of augmentation, which are made again
    _report_unused(dataset, split)
    dataset, split = _augmented(dataset, split, settings)
    train, largest = dataset.select(split.train), settings.most_atoms
    too_large = {
        name: f"not trained on: {len(atoms)} atoms, more than {largest}"
        for name, atoms in zip(train.ids, train.structures, strict=True)
        if largest is not None and len(atoms) > largest
    }
    dataset = dataset.without(too_large).select(chain(*split))
    network = make_network(settings)
    graph, failed = FeatureCache(
        cache or folder / "features", network.descriptor, network.connectivity
    ).graphs(dataset.structures, workers=settings.workers, progress=settings.progress)
    reasons = {dataset.ids[index]: reason for index, reason in failed.items()}
    for name, reason in reasons.items():
        logger.warning("%s is left out: %s", name, reason)
    dataset = dataset.without(reasons)
    rejected = dataset.rejected
    write_csv(folder / "rejected.csv", [Rejected._fields, *rejected])
    if graph is None:
        raise DataError(f"no crystal has features; the last reason: {rejected[-1].reason}")
    columns = (dataset.targets, dataset.weights, dataset.relaxation)
    targets, weights, energies = (torch.tensor(at, dtype=torch.float32) for at in columns)
    _, groups = np.unique(dataset.groups, return_inverse=True)
    crystals = GraphDataset(graph, targets, weights, energies, torch.from_numpy(groups))
    ids, sets = {}, {}
    for name, members in zip(SETS, split, strict=True):
        if indices := dataset.indices(members):
            ids[name] = [dataset.ids[index] for index in indices]
            sets[name] = crystals.select(torch.tensor(indices))
    if "train" not in sets:
        raise DataError(
            f"the training set is empty: none of its {len(split.train)} crystals is in the "
            "data and can be used; see rejected.csv"
        )
    drawn.save(split_file)
    save_data(given, folder)
    elements = torch.unique(sets["train"].graph.numbers).tolist()
    structures = dataset.select(ids["train"]).structures
    found = Counter(map(n_periodic, structures))
    periodicities = [n for n in found if found[n] >= LEAST_SHARE * len(structures)]
    return Prepared(ids, sets, rejected, elements, sorted(periodicities))


def _check_same_split(settings: TrainingSettings, folder: Path) -> None:
    """Raise DataError if a run was begun with another content of its split file."""
    file, own = settings.split, folder / "split.json"
    if not (file.endswith(".json") and own.is_file()):
        return
    if Split.load(file) != Split.load(own):
        if any(folder.glob(CHECKPOINTS)):
            raise DataError(
                f"{folder} holds a run with another split than that in {file}, which has "
                "changed since; give another folder"
            )
        own.unlink()


def _report_unused(dataset: Dataset, split: Split) -> None:
    """Say how many crystals are in no set; DataError if all are."""
    unused = set(dataset.ids).difference(*split)
    if len(unused) == len(dataset.ids):
        raise DataError(
            f"the split has none of the {len(unused)} crystals, such as {min(unused)}; "
            "give a split of these data"
        )
    if unused:
        message = "%d crystals are in no set of the split, such as %s"
        logger.info(message, len(unused), min(unused))


def make_split(dataset: Dataset, settings: TrainingSettings) -> Split:
    """Split crystals as the settings say."""
    if settings.split.endswith(".json"):
        return Split.load(settings.split)
    pairs = zip(dataset.ids, dataset.groups, strict=True)
    if copies := [(name, group) for name, group in pairs if name != group]:
        return _with_copies(dataset, copies, settings)
    sizes = MEGNET_SIZES if settings.split == "megnet" else settings.sizes
    marked: list[str] = []
    if settings.test_column is not None:
        marked = [name for name in dataset.ids if name in dataset.test_ids]
        rest = (name for name in dataset.ids if name not in dataset.test_ids)
        dataset = dataset.select(rest)
        train, validation, test = sizes
        if train + validation + test <= 1.0 + 1e-9:  # fractions of the rest
            validation /= train + validation
            train = 1.0 - validation
        sizes = (train, validation, 0.0)
    groups = None
    if settings.split not in ("random", "megnet"):
        groups = [group_of(atoms, settings.split) for atoms in dataset.structures]
    drawn = draw_split(dataset.ids, groups, sizes, settings.seed)
    return drawn if settings.test_column is None else drawn._replace(test=marked)


def make_folds(dataset: Dataset, settings: TrainingSettings, n_folds: int) -> list[Split]:
    """Divide crystals into folds, each of which is the test set of one split.

    The validation sets are drawn from the other folds.
    """
    kind, groups = settings.split, dataset.groups
    if kind != "random":
        crystals = {**dict(zip(groups, dataset.structures, strict=True))}
        crystals |= dict(zip(dataset.ids, dataset.structures, strict=True))
        groups = [group_of(crystals[name], kind) for name in groups]  # type: ignore[misc]
    train, validation, _ = settings.sizes
    share = validation / (train + validation)
    of_crystal = dict(zip(dataset.ids, groups, strict=True))
    splits = []
    for test in draw_folds(dataset.ids, groups, n_folds, settings.seed):
        tested = set(test)
        rest = [name for name in dataset.ids if name not in tested]
        keys = [of_crystal[name] for name in rest]
        drawn = draw_split(rest, keys, (1.0 - share, share, 0.0), settings.seed)
        splits.append(drawn._replace(test=test))
    return splits


def _with_copies(
    dataset: Dataset, copies: list[tuple[str, str]], settings: TrainingSettings
) -> Split:
    """Split the crystals as if there were no copies, then put these beside them.

    A group without a crystal of its name is represented by its first copy.
    """
    crystals = set(dataset.ids) - {name for name, _ in copies}
    first = {group: name for name, group in reversed(copies) if group not in crystals}
    leaders = crystals | set(first.values())
    alone = dataset.select(name for name in dataset.ids if name in leaders)
    split = make_split(replace(alone, groups=alone.ids), settings)
    place = {name: number for number, part in enumerate(split) for name in part}
    followers: tuple[list[str], ...] = ([], [], [])
    for name, group in copies:
        leader = first.get(group, group)
        if name not in leaders and leader in place:
            followers[place[leader]].append(name)
    return Split(*(part + more for part, more in zip(split, followers, strict=True)))


def _augmented(
    dataset: Dataset, split: Split, settings: TrainingSettings
) -> tuple[Dataset, Split]:
    """Add distorted copies of the training crystals, with the same targets."""
    if not settings.augmentation:
        return dataset, split
    random = np.random.default_rng(settings.seed)
    train = dataset.select(split.train)
    names: list[str] = []
    structures: list[Atoms] = []
    for number in range(settings.augmentation):
        for name, atoms in zip(train.ids, train.structures, strict=True):
            copy = strained(atoms, settings.augmentation_strain, random)
            structures.append(rattled(copy, settings.augmentation_displacement, random))
            names.append(f"{name}-augmented-{number}")
    copied = dataset.indices(train.ids) * settings.augmentation
    indices = [*range(len(dataset.ids)), *copied]
    unknown = np.full(len(copied), np.nan)
    longer = replace(
        dataset,
        ids=dataset.ids + names,
        structures=dataset.structures + structures,
        targets=dataset.targets[indices],
        groups=[dataset.groups[index] for index in indices],
        weights=dataset.weights[indices],
        relaxation=np.concatenate([dataset.relaxation, unknown]),
    )
    return longer, split._replace(train=split.train + names)


def make_network(settings: TrainingSettings, **values: Any) -> Network:
    """Make the network of the settings, with random weights from their seed.

    `values` are arguments from the training set: target_mean, target_scale, elements and
    periodicities.

    Raises
    ------
    SettingError
        If `network_settings` has an argument that the network does not take.
    """
    with torch.random.fork_rng(), default_float32():
        torch.manual_seed(settings.seed)
        try:
            return NETWORKS[settings.network](
                **settings.network_settings | {"transform": settings.target_transform},
                property_name=settings.property_name,
                unit=settings.unit,
                n_classes=2 if settings.classes else None,
                **values,
            )
        except TypeError as error:
            raise SettingError(
                f"{settings.network} does not take these network_settings: {error}"
            ) from error
