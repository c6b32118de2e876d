"""Train a shipped model, or evaluate it again.

    python pretrained/train.py eosnet-band-gap-mp2018 --data FOLDER --runs FOLDER
    python pretrained/train.py eosnet-band-gap-mp2018 --data FOLDER --runs FOLDER --evaluate
    python pretrained/train.py eosnet-band-gap-mp2018 --data FOLDER --runs FOLDER \
        --changes '{"members": 1, "batch_size": 32}'

The folder of `--data` has the extended XYZ files that `recipes.py` names, and that of
`--copies` the files of `distorted.py`, for models of energies at any geometry. Runs go to
the folder of `--runs`, with their features and checkpoints. Repeating the command resumes
an interrupted run. With `--changes` the model stays there, in a folder named after the
changes. A recipe that is a `step` puts its model into `pretrained/steps`, where the next
recipe finds it.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from published import published_errors, test_crystals_seen_before
from recipes import (
    RECIPES,
    Recipe,
    is_reference,
    missing_references,
    read_copies,
    split_of,
    trained_settings,
)

from ase_orbital import load_model
from ase_orbital.checksums import TEST_IDS
from ase_orbital.properties import FORMATION_ENERGY
from ase_orbital.training import TrainingSettings, train
from ase_orbital.training.figures import draw_evaluation
from ase_orbital.training.preparation import prepare
from ase_orbital.training.run import Run, evaluate_sets, save_model

if TYPE_CHECKING:
    from ase import Atoms

logger = logging.getLogger("train")
HERE = Path(__file__).parent
AT_TARGET = 2020  # the geometry at which the target was computed; that of others is later
OF_REFERENCES = 10.0  # weight of the reference states of the elements


def same_release_error(run: Run, structures: list[Atoms]) -> str:
    """Return a sentence on the test crystals that have the geometry of their target."""
    geometry = {str(atoms.info["id"]): atoms.info.get("geometry") for atoms in structures}
    test = run.evaluations["test"]
    chosen = np.array([geometry[name] == AT_TARGET for name in test.ids])
    if test.classes or not chosen.any():
        return ""
    error = np.abs(test.predicted - test.known)[chosen].mean()
    return (
        f" {chosen.sum():,} crystals of the test set have the geometry at which their "
        f"target was computed; on these, the error of this model is {error:.4f}."
    )


def weigh(recipe: Recipe, crystals: list[Atoms], copies: list[Atoms], target: str) -> None:
    """Give copies and later geometries less weight, and the reference states more.

    What matters for a copy is its error relative to its energy above the crystal. There is
    one reference state of each element, among tens of thousands of compounds.
    """
    known = {}
    for atoms in crystals:
        later = atoms.info.get("geometry", AT_TARGET) != AT_TARGET
        atoms.info["weight"] = recipe.later if later else 1.0
        if target == FORMATION_ENERGY and is_reference(atoms):
            atoms.info["weight"] = OF_REFERENCES
        known[str(atoms.info["id"])] = atoms.info
    for atoms in copies:
        crystal = known[atoms.info["group"]]
        above = abs(atoms.info[target] - crystal[target])
        weight = min(crystal["weight"], 1.0)
        atoms.info["weight"] = weight * recipe.soft / (recipe.soft + above)


def write_split(
    folder: Path, crystals: list[Atoms], extra: list[Atoms], settings: TrainingSettings
) -> None:
    """Write the split of a run: that of the crystals alone, with all others to train on."""
    split = split_of(crystals, settings)
    folder.mkdir(parents=True, exist_ok=True)
    more = [str(atoms.info["id"]) for atoms in extra]
    split._replace(train=split.train + more).save(folder / "split.json")


def digest(changes: dict[str, Any]) -> str:
    """Return eight characters that depend on the changes."""
    text = json.dumps(changes, sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=4).hexdigest()


def evaluate(folder: Path, run: Path, source: Any, cache: Path) -> Run:
    """Evaluate the model in a folder on the sets of its run, and draw the test set."""
    settings = trained_settings(folder)
    run.mkdir(parents=True, exist_ok=True)
    model = load_model(folder)
    prepared = prepare(source, settings, run, cache)
    evaluations = evaluate_sets(model, prepared)
    draw_evaluation(run, model, evaluations["test"], prepared.sets["test"])
    return Run(model, run, evaluations)


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Train the shipped models.")
    parser.add_argument("name", choices=RECIPES)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--runs", type=Path, required=True)
    parser.add_argument(
        "--evaluate", action="store_true", help="evaluate the shipped model"
    )
    explained = "settings that replace those of the recipe, to see their effect"
    parser.add_argument(
        "--changes", type=json.loads, default={}, metavar="JSON", help=explained
    )
    parser.add_argument("--copies", type=Path, help="folder of distorted copies")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--gpu", action="store_true", help="train on a GPU")
    parser.add_argument("--quiet", action="store_true", help="show no progress bars")
    arguments = parser.parse_args()
    start = (RECIPES[arguments.name].settings | arguments.changes).get("start_from")
    if start and not arguments.evaluate and not (Path(start) / "model.json").is_file():
        parser.error(
            f"it starts from {start}: train that first, in the same working folder"
        )
    return arguments


def main() -> None:
    """Train or evaluate a model; put a trained one and its card beside this file."""
    arguments = parse_arguments()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    name, recipe = arguments.name, RECIPES[arguments.name]
    machine = {"workers": arguments.workers, "progress": not arguments.quiet}
    if arguments.gpu:
        machine |= {"accelerator": "gpu", "compile": False}
    settings = TrainingSettings(**recipe.settings | machine | arguments.changes)
    crystals = recipe.read(arguments.data)
    extra, copies = [], []
    if recipe.data.extra:
        known = {str(atoms.info["id"]) for atoms in crystals}
        extra = recipe.read_extra(arguments.data, known)
        kept = set(split_of(extra, settings).train)
        extra = [atoms for atoms in extra if str(atoms.info["id"]) in kept]
        if arguments.copies and settings.target == FORMATION_ENERGY:
            found = read_copies(arguments.copies, n_files=recipe.n_files)
            sources = kept | known
            copies = [atoms for atoms in found if atoms.info["group"] in sources]
        if settings.target == FORMATION_ENERGY:
            extra += missing_references(crystals + extra)
    cache, folder = arguments.runs / "features", arguments.runs / name
    shipped = (HERE / "steps" if recipe.step else HERE) / name
    if arguments.changes and not arguments.evaluate:
        folder = arguments.runs / f"{name}-{digest(arguments.changes)}"
    if extra:
        weigh(recipe, crystals + extra, copies, settings.target)
        write_split(folder, crystals, extra + copies, settings)
    everything = crystals + extra + copies
    source = everything, [atoms.info[settings.target] for atoms in everything]
    if arguments.evaluate:
        log_metrics(evaluate(shipped, folder, source, cache))
        return
    card = recipe.data.card | {
        "name": name,
        "command": f"`python pretrained/train.py {name} --data FOLDER --runs FOLDER"
        f"{' --copies FOLDER' if copies else ''}{' --gpu' if arguments.gpu else ''}` "
        "trains this model; with `--evaluate`, it evaluates it again.",
        "metrics": f"\n{published_errors(recipe, crystals)}",
    }
    run = train(source, folder, settings, cache=cache, card=card)
    if arguments.changes:
        logger.info("%-28s %.6g", "mae_validation", run.metrics["mae_validation"])
        return
    test = run.evaluations["test"].ids
    card["metrics"] += test_crystals_seen_before(name, test, arguments.data)
    card["metrics"] += same_release_error(run, crystals)
    card["metrics"] = f"\n{card['metrics'].strip()}"
    save_model(run, settings, card)
    shutil.copytree(folder / "model", shipped, dirs_exist_ok=True)
    if settings.test_column is None:  # the test set is drawn, so it has to be recorded
        ids = json.dumps(run.evaluations["test"].ids)
        (shipped / TEST_IDS).write_text(ids + "\n", encoding="utf-8")
    log_metrics(run)


def log_metrics(run: Run) -> None:
    """Log the metrics of all sets."""
    for name, value in run.metrics.items():
        logger.info("%-28s %.6g", name, value)


if __name__ == "__main__":
    main()
