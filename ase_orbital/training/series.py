"""Runs that differ in a few settings: learning curves, and the ablation of descriptors."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

from ase_orbital.descriptors.concatenate import Concatenate
from ase_orbital.descriptors.elemental import ElementalFeatures
from ase_orbital.descriptors.gom import GOM
from ase_orbital.descriptors.ofm import OFM
from ase_orbital.descriptors.onehot import OneHot
from ase_orbital.errors import DataError, SettingError, check_path, check_whole
from ase_orbital.files import write_csv
from ase_orbital.training.dataset import read_dataset
from ase_orbital.training.figures import draw_ablation, draw_learning_curve
from ase_orbital.training.preparation import CHECKPOINTS, make_folds
from ase_orbital.training.run import train
from ase_orbital.training.splits import Split

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from ase_orbital.descriptors.base import Descriptor
    from ase_orbital.training.dataset import Source
    from ase_orbital.training.settings import TrainingSettings

    Row = dict[str, Any]

_GOM = GOM(n_eigenvalues=66, normalize=True)
# Figure 4 of the OCrystalNet paper compares the first four in OCrystalNet. The last one is
# that of EOSnet. CGCNN and OGCNN have the same convolution, with other features than
# one-hot and OFM, and other distance filters.
DESCRIPTORS: dict[str, Descriptor] = {
    "one-hot": OneHot(),
    "elemental": ElementalFeatures(),
    "OFM": OFM(),
    "OFM-feature": Concatenate(OFM(), ElementalFeatures()),
    "GOM": _GOM,
    "one-hot + GOM": Concatenate(OneHot(), _GOM),
}
LEARNING_RATES = {"EOSNet": 2e-3, "OCrystalNet": 3e-4}


def train_series(
    source: Source,
    table: Path,
    settings: TrainingSettings,
    variants: Iterable[tuple[Row, dict[str, Any]]],
    cache: str | Path | None = None,
) -> list[Row]:
    """Train one model per variant, and write a row of the table after each run.

    Finished runs are not repeated.

    Parameters
    ----------
    source
        As for `train`.
    table
        CSV file of the results. Each run has a folder beside it.
    settings
        Settings that all runs share.
    variants
        Labels and changed settings of each run. The labels are the first columns of its
        row, and must differ from those of the other runs.
    cache
        Folder of the cached features; None for one beside the table.

    Returns
    -------
    list of dict
        The rows: labels, the set that was evaluated, its metrics, and the minutes.
    """
    table.parent.mkdir(parents=True, exist_ok=True)
    cache = cache or table.parent / "features"
    rows: list[Row] = []
    for labels, changes in variants:
        name = "-".join(map(str, labels.values())).replace(" ", "-").replace("/", "-")
        run = train(source, table.parent / name, settings, cache=cache, **changes)
        last, evaluation = [*run.evaluations.items()][-1]
        minutes = run.seconds / 60.0
        rows.append(labels | {"set": last} | evaluation.metrics | {"minutes": minutes})
        columns = list(dict.fromkeys(column for row in rows for column in row))
        write_csv(table, [columns, *([row.get(name) for name in columns] for row in rows)])
    return rows


def cross_validate(
    source: Source,
    folder: str | Path,
    settings: TrainingSettings,
    n_folds: int = 5,
    cache: str | Path | None = None,
) -> list[Row]:
    """Train a model for each fold of the crystals, which is its test set.

    The parameters are those of `train_series`, with the table `folds.csv` in `folder`, and
    the predictions of all test sets in `predictions.csv`. The split keeps groups together,
    and its sizes give the share of the validation set in the other folds.

    Returns
    -------
    list of dict
        The fold, the metrics of its test set, and the minutes.

    Raises
    ------
    SettingError
        If the settings give a test set.
    DataError
        If no crystal can be used, there are fewer groups of crystals than folds, or the
        folder holds a cross-validation with other folds.
    """
    fixed = settings.split == "megnet" or settings.split.endswith(".json")
    if fixed or settings.test_column or n_folds < 2:
        raise SettingError(
            "cross-validation needs at least 2 folds and draws the test sets itself; give "
            "no test_column, and random or a kind of groups as split"
        )
    folder = check_path("folder", folder)
    folder.mkdir(parents=True, exist_ok=True)
    splits = make_folds(read_dataset(source, settings), settings, n_folds)
    paths = {folder / f"fold-{n}.json": split for n, split in enumerate(splits, start=1)}
    before = {path: Split.load(path) for path in folder.glob("fold-*.json")}
    if before and before != paths and any(folder.glob(f"fold-*/{CHECKPOINTS}")):
        raise DataError(
            f"{folder} holds a cross-validation of other crystals or with other folds "
            f"({len(before)} of them); give another folder"
        )
    variants = []
    for path, split in paths.items():
        split.save(path)
        variants.append(({"fold": path.stem}, {"split": str(path)}))
    rows = train_series(source, folder / "folds.csv", settings, variants, cache)
    lines: list[list[str]] = []
    for labels, _ in variants:
        with (folder / labels["fold"] / "predictions.csv").open(newline="") as file:
            header, *found = csv.reader(file)
        lines += [[labels["fold"], *line] for line in found]
    write_csv(folder / "predictions.csv", [["fold", *header], *lines])
    return rows


def ablate(
    source: Source,
    folder: str | Path,
    settings: TrainingSettings,
    cache: str | Path | None = None,
) -> list[Row]:
    """Train each network on each descriptor, with the same split, epochs and seed.

    The parameters are those of `train_series`, with the table `ablation.csv` in `folder`,
    and errors as a figure beside it. Network, descriptor and learning rate are replaced in
    the settings.

    Returns
    -------
    list of dict
        network, descriptor, n_features, the metrics of the last set, and the minutes.
    """
    variants, alone = [], {"members": settings.members or 1}
    for name, rate in LEARNING_RATES.items():
        for kind, descriptor in DESCRIPTORS.items():
            labels = {"network": name, "descriptor": kind}
            arguments = settings.network_settings | {"descriptor": descriptor.to_settings()}
            changes = alone | {
                "network": name,
                "learning_rate": rate,
                "network_settings": arguments,
            }
            variants.append((labels | {"n_features": descriptor.n_features}, changes))
    folder = check_path("folder", folder)
    rows = train_series(source, folder / "ablation.csv", settings, variants, cache)
    if not settings.classes:
        errors: dict[str, dict[str, float]] = {}
        for row in rows:
            errors.setdefault(row["network"], {})[row["descriptor"]] = row["mae"]
        draw_ablation(folder, settings, errors)
    return rows


def learning_curve(
    source: Source,
    folder: str | Path,
    settings: TrainingSettings,
    *,
    sizes: Sequence[int],
    n_test: int,
    networks: Sequence[str] = ("EOSNet", "OCrystalNet"),
    cache: str | Path | None = None,
) -> dict[str, list[float]]:
    """Train networks on growing training sets, and evaluate them on the same test set.

    `source`, `settings` and `cache` are those of `train_series`; network, learning rate and
    sizes are replaced in the settings.

    Parameters
    ----------
    folder
        Folder for the runs, their table `learning-curve.csv`, and the figure.
    sizes, n_test
        Sizes of the training sets, each of which contains the smaller ones, and of the
        test set.
    networks
        Networks to train.

    Returns
    -------
    dict
        Mean absolute errors of each network, in the unit of the targets, by rising size.

    Raises
    ------
    SettingError
        If classes are learned, which have no mean absolute error, there is no size or test
        crystal, or a network is unknown.
    DataError
        If no crystal can be used.
    """
    if settings.classes:
        raise SettingError("a learning curve needs numeric targets, not classes")
    check_whole("n_test", n_test, 1)
    if not sizes:
        raise SettingError("a learning curve needs at least one size of the training set")
    if unknown := {*networks} - LEARNING_RATES.keys():
        known = ", ".join(LEARNING_RATES)
        raise SettingError(f"there is no network {min(unknown)!r}; choose from {known}")
    sizes, folder = sorted(set(sizes)), check_path("folder", folder)
    variants, alone = [], {"members": settings.members or 1}
    for name in networks:
        changes = alone | {"network": name, "learning_rate": LEARNING_RATES[name]}
        for size in sizes:
            labels = {"network": name, "n_train": size}
            variants.append((labels, changes | {"sizes": (size, 0, n_test)}))
    rows = train_series(source, folder / "learning-curve.csv", settings, variants, cache)
    errors = {
        name: [row["mae"] for row in rows if row["network"] == name] for name in networks
    }
    draw_learning_curve(folder, settings, sizes, errors)
    return errors
