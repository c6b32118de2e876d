"""Train a shipped model, or measure it again.

    python pretrained/train.py eosnet-band-gap-mp2018 --data FOLDER --runs FOLDER
    python pretrained/train.py eosnet-band-gap-mp2018 --data FOLDER --runs FOLDER --evaluate
    python pretrained/train.py eosnet-band-gap-mp2018 --data FOLDER --runs FOLDER \
        --changes '{"members": 1, "batch_size": 32}'

FOLDER of `--data` has the extended XYZ files that `recipes.py` names; runs, their features
and checkpoints go to that of `--runs`. The same command goes on with an interrupted run.
With `--changes` the model stays there, in a folder named by what is changed. A recipe that
is a `step` puts its model into `pretrained/steps`, where the next one finds it.
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
from recipes import RECIPES, Recipe

from ase_orbital import load_model
from ase_orbital.training import TrainingSettings, train
from ase_orbital.training.evaluation import evaluate
from ase_orbital.training.preparation import prepare
from ase_orbital.training.run import Run, save_model

if TYPE_CHECKING:
    from ase import Atoms

logger = logging.getLogger("train")
HERE = Path(__file__).parent


def published_figures(recipe: Recipe, structures: list[Atoms], target: str) -> str:
    """What the published EOSnet run has on the test set, for the card."""
    text = f"Published EOSnet run, on its own test set: {recipe.published}."
    if recipe.published_column is None:
        return f"\n{text}"
    test = [atoms.info for atoms in structures if atoms.info["published_test"]]
    errors = [abs(info[recipe.published_column] - info[target]) for info in test]
    return (
        f"\n{text} Measured from its published predictions on this test set: "
        f"{np.mean(errors):.4f}."
    )


def same_release(run: Run, structures: list[Atoms]) -> str:
    """Error on the test crystals whose geometry is of the release the targets are of."""
    of = {str(atoms.info["id"]): atoms.info.get("geometry") for atoms in structures}
    test = run.evaluations["test"]
    chosen = np.array([of[name] == 2020 for name in test.ids])  # before the change in 2025
    if test.classes or not chosen.any():
        return ""
    error = np.abs(test.predicted - test.known)[chosen].mean()
    return (
        f" Of the test set, {chosen.sum():,} crystals have the geometry the targets were "
        f"computed at; on these ours is {error:.4f}."
    )


def digest(changes: dict[str, Any]) -> str:
    """Eight characters that differ where the changes do."""
    text = json.dumps(changes, sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=4).hexdigest()


def measure(folder: Path, run: Path, source: Any, cache: Path) -> Run:
    """Evaluate the model that lies in a folder on the sets of its run."""
    model = load_model(folder)
    metadata = json.loads((folder / "model.json").read_text(encoding="utf-8"))["metadata"]
    settings = TrainingSettings.from_dict(metadata["training"]["settings"])
    run.mkdir(parents=True, exist_ok=True)
    prepared = prepare(source, settings, run, cache)
    return Run(
        model,
        run,
        {
            part: evaluate(model, prepared.ids[part], crystals)
            for part, crystals in prepared.sets.items()
        },
    )


def main() -> None:
    """Train or measure, and put the model and its card beside this file."""
    parser = argparse.ArgumentParser(description="Train the models that are shipped.")
    parser.add_argument("name", choices=RECIPES)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--runs", type=Path, required=True)
    parser.add_argument("--evaluate", action="store_true", help="measure the shipped model")
    parser.add_argument(
        "--changes", type=json.loads, default={}, metavar="JSON",
        help="settings in place of the recipe's, to see what they bring",
    )  # fmt: skip
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--quiet", action="store_true", help="no bars")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    recipe = RECIPES[arguments.name]
    more = {"workers": arguments.workers, "progress": not arguments.quiet}
    settings = TrainingSettings.from_dict(recipe.settings | more | arguments.changes)
    source = recipe.read(arguments.data)
    cache = arguments.runs / "features"
    shipped = (HERE / "steps" if recipe.step else HERE) / arguments.name
    card = recipe.card | {
        "name": arguments.name,
        "command": f"`python pretrained/train.py {arguments.name} --data FOLDER --runs "
        "FOLDER` trains it; with `--evaluate` it measures these figures again",
        "metrics": published_figures(recipe, source[0], settings.target),
    }
    folder = arguments.runs / arguments.name
    if arguments.evaluate:
        run = measure(shipped, folder, source, cache)
        for name, value in run.metrics.items():
            logger.info("%-28s %.6g", name, value)
        return
    start = settings.start_from
    if start is not None and not (Path(start) / "model.json").is_file():
        parser.error(f"it starts from {Path(start).name}: train that first, and from here")
    if arguments.changes:
        folder = arguments.runs / f"{arguments.name}-{digest(arguments.changes)}"
    run = train(source, folder, settings, cache=cache, card=card)
    if arguments.changes:
        logger.info("%-28s %.6g", "mae_validation", run.metrics["mae_validation"])
        return
    more_figures = same_release(run, source[0])
    if more_figures:
        save_model(run, settings, card | {"metrics": card["metrics"] + more_figures})
    shipped.mkdir(parents=True, exist_ok=True)
    for path in (folder / "model").iterdir():
        shutil.copy(path, shipped)
    if settings.test_column is None:  # drawn: which crystals they were is written down
        ids = json.dumps(run.evaluations["test"].ids)
        (shipped / "test-ids.json").write_text(ids + "\n", encoding="utf-8")
    for name, value in run.metrics.items():
        logger.info("%-28s %.6g", name, value)


if __name__ == "__main__":
    main()
