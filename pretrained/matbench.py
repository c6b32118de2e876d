"""Measure a network on the official folds of a task of matbench, and write the record.

    python pretrained/matbench.py phonons --data FOLDER --runs FOLDER
    python pretrained/matbench.py phonons --data FOLDER --runs FOLDER --network OCrystalNet
    python pretrained/matbench.py phonons --data FOLDER --runs FOLDER --network both
    python pretrained/matbench.py phonons --data FOLDER --runs FOLDER --folds 0 \
        --changes '{"epochs": 400}'

The test set of each fold is matbench's, and a twentieth of the other crystals is the
validation set. Each fold is a run in the folder of `--runs`; repeating the command resumes
an interrupted one. The record, with mean and deviation over the folds, errors, hardware and
time, is written there, and beside this file when all folds are measured. With `both`, the
prediction is the mean of both networks. With `--changes`, only the validation errors are
printed, so that no setting is chosen on a test set.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from recipes import FROM_ENERGY, FROM_ENERGY_WITH_ANGLES, NETWORKS, WIDE
from train import digest

from ase_orbital import properties
from ase_orbital.files import write_text
from ase_orbital.structure import read_frames
from ase_orbital.training import TrainingSettings, train
from ase_orbital.training.splits import draw_split

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms

    from ase_orbital.training.run import Run

logger = logging.getLogger("matbench")
RECORDS = Path(__file__).parent / "matbench"
N_FOLDS = 5
BOTH = "both"  # the mean of both networks
VALIDATION = 0.05  # of the crystals outside the test fold


class Task(NamedTuple):
    """A task of matbench v0.1 (Dunn et al., npj Comput. Mater. 6, 138 (2020)).

    Attributes
    ----------
    file
        Data file, without `.extxyz.gz`.
    target
        Property to learn, or name of the target in the data.
    n_crystals
        Crystals of the official task; a score on fewer is on a part of it.
    unit
        Unit of the errors.
    epochs
        Of EOSNet and OCrystalNet.
    settings
        Other settings of EOSNet.
    as_value
        Whether errors are those of the value, where its logarithm is learned.
    """

    file: str
    target: str
    n_crystals: int
    unit: str
    epochs: tuple[int, int]
    settings: dict[str, Any]
    as_value: bool = False


PEAK, MODULI = properties.PHONON_PEAK, "moduli_matbench"
TASKS = {
    "perovskites": Task(
        "perovskites",
        "e_form",
        18_928,
        "eV",
        (200, 60),
        {"members": 3, "batch_size": 128},
    ),
    "phonons": Task(
        "phonons_matbench", PEAK, 1_265, "1/cm", (150, 60), FROM_ENERGY | {"members": 3}
    ),
    "log_kvrh": Task(
        MODULI,
        properties.BULK_MODULUS,
        10_987,
        "log10(GPa)",
        (50, 50),
        FROM_ENERGY_WITH_ANGLES,
    ),
    "log_gvrh": Task(
        MODULI,
        properties.SHEAR_MODULUS,
        10_987,
        "log10(GPa)",
        (50, 50),
        FROM_ENERGY_WITH_ANGLES,
    ),
    "dielectric": Task(
        "dielectric_matbench",
        properties.REFRACTIVE_INDEX,
        4_764,
        "1",
        (50, 60),
        FROM_ENERGY,
        as_value=True,
    ),
}


def settings_of(task: Task, network: str, changes: dict[str, Any]) -> TrainingSettings:
    """Return the settings of a run, without its split."""
    values = NETWORKS[network] | {"network": network, "property_name": task.target}
    values["epochs"] = task.epochs[network == "OCrystalNet"]
    if network == "EOSNet":
        values |= {"network_settings": WIDE} | task.settings
    return TrainingSettings(**values | changes)


def read_crystals(task: Task, data: Path) -> list[Atoms]:
    """Read the crystals of a task, with target and `fold` in `info`."""
    crystals = read_frames(data / f"{task.file}.extxyz.gz")
    if task.file == "perovskites":
        with gzip.open(data / "perovskites_matbench.csv.gz", "rt", newline="") as file:
            rows = {row["id"]: row for row in csv.DictReader(file)}
        for atoms in crystals:
            row = rows[str(atoms.info["id"])]
            atoms.info |= {"e_form": float(row["e_form"]), "fold": int(row["fold"])}
    return [atoms for atoms in crystals if atoms.info.get(task.target) is not None]


def run_fold(
    crystals: list[Atoms], fold: int, settings: TrainingSettings, folder: Path, cache: Path
) -> Run:
    """Train on the other folds, or resume, and evaluate on this one."""
    ids = {atoms.info["id"]: atoms.info["fold"] for atoms in crystals}
    rest = [str(name) for name, place in ids.items() if place != fold]
    split = draw_split(rest, None, (1.0 - VALIDATION, VALIDATION, 0.0), settings.seed)
    split = split._replace(test=[str(name) for name, place in ids.items() if place == fold])
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "split.json").is_file():
        split.save(folder / "split.json")
    settings = TrainingSettings(
        **settings.to_dict() | {"split": str(folder / "split.json")}
    )
    source: Any = crystals, [atoms.info[settings.target] for atoms in crystals]
    return train(source, folder, settings, cache=cache)


def error_of(task: Task, runs: Sequence[Run], name: str) -> float:
    """Return the mean absolute error of the mean of runs on a set, in the task's unit."""
    evaluations = [run.evaluations[name] for run in runs]
    if any(each.ids != evaluations[0].ids for each in evaluations):
        raise SystemExit(f"the {name} sets of {[str(run.folder) for run in runs]} differ")
    known = evaluations[0].known
    predicted = np.mean([each.predicted for each in evaluations], axis=0)
    if task.as_value:  # the logarithm was learned
        known, predicted = 10.0**known, 10.0**predicted
    return float(np.abs(predicted - known).mean())


def record_of(
    name: str, settings: list[TrainingSettings], runs: dict[int, list[Run]]
) -> dict[str, Any]:
    """Return the record of the folds that were measured."""
    task, errors = TASKS[name], {}
    for fold, found in runs.items():
        errors[fold] = {
            kind: error_of(task, found, kind) for kind in ("validation", "test")
        }
    tests = [error["test"] for error in errors.values()]
    metadata = [
        json.loads((run.folder / "model/model.json").read_text(encoding="utf-8"))
        for found in runs.values()
        for run in found
    ]
    training = [content["metadata"]["training"] for content in metadata]
    members = [one["settings"]["members"] for one in training[: len(settings)]]
    values: Any = [one.to_dict() for one in settings]
    return {
        "task": f"matbench_{name}",
        "unit": task.unit,
        "mean": float(np.mean(tests)),
        "std": float(np.std(tests)),
        "folds": {
            fold: {"mae": error["test"], "mae_validation": error["validation"]}
            for fold, error in errors.items()
        },
        "n_crystals": sum(len(found[0].evaluations["test"].ids) for found in runs.values()),
        "n_official": task.n_crystals,
        "network": " and ".join(one.network for one in settings),
        "members": sum(members),
        "device": " and ".join(sorted({one["device"] for one in training})),
        "minutes": sum(one["seconds"] for one in training) / 60.0,
        "date": max(one["date"] for one in training),
        "settings": values if len(values) > 1 else values[0],
    }


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Measure on official folds of matbench.")
    parser.add_argument("task", choices=TASKS)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--runs", type=Path, required=True)
    parser.add_argument("--network", choices=[*NETWORKS, BOTH], default="EOSNet")
    parser.add_argument("--folds", type=int, nargs="+", choices=range(N_FOLDS))
    explained = "settings to compare by their validation errors"
    parser.add_argument(
        "--changes", type=json.loads, default={}, metavar="JSON", help=explained
    )
    parser.add_argument("--quiet", action="store_true", help="show no progress bars")
    return parser.parse_args()


def main() -> None:
    """Run the folds of a task, and write the record."""
    arguments = parse_arguments()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    task, changes = TASKS[arguments.task], arguments.changes
    changed = changes | {"progress": not arguments.quiet}
    networks = [*NETWORKS] if arguments.network == BOTH else [arguments.network]
    settings = {network: settings_of(task, network, changed) for network in networks}
    suffix = f"-{digest(changes)}" if changes else ""

    def folder_of(network: str) -> Path:
        name = f"{arguments.task}-{network.lower()}{suffix}"
        return Path(arguments.runs / "matbench" / name)

    crystals, cache = read_crystals(task, arguments.data), arguments.runs / "features"
    runs: dict[int, list[Run]] = {}
    for fold in sorted(set(arguments.folds or range(N_FOLDS))):
        runs[fold] = [
            run_fold(crystals, fold, one, folder_of(network) / f"fold-{fold}", cache)
            for network, one in settings.items()
        ]
        error = error_of(task, runs[fold], "validation")
        logger.info("fold %d: validation error %.4f %s", fold, error, task.unit)
    if changes:
        return
    record, name = record_of(arguments.task, [*settings.values()], runs), arguments.network
    logger.info("%s: %.4f ± %.4f %s", name, record["mean"], record["std"], task.unit)
    text = json.dumps(record, indent=1) + "\n"
    folder_of(name).mkdir(parents=True, exist_ok=True)
    write_text(folder_of(name) / "record.json", text)
    if len(runs) == N_FOLDS:
        RECORDS.mkdir(exist_ok=True)
        write_text(RECORDS / f"{folder_of(name).name}.json", text)


if __name__ == "__main__":
    main()
