"""Compare the mean of both networks with each of them, on validation crystals.

    python pretrained/committees.py --data FOLDER --runs FOLDER

The folder of `--runs` caches features. The crystals are those of the validation sets of
both models that neither was trained on.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
from pathlib import Path

import numpy as np
from calibrate import HERE, Graphs
from recipes import RECIPES, dataset_of

from ase_orbital import load_model
from ase_orbital.training import TrainingSettings
from ase_orbital.training.evaluation import Evaluation, evaluate
from ase_orbital.training.preparation import make_split

NETWORKS = ("eosnet", "ocrystalnet")
WEIGHTS = np.linspace(0.0, 1.0, 21)  # of the second network


def on_validation_set(name: str, data: Path, runs: Path) -> tuple[Evaluation, set[str]]:
    """Evaluate a shipped model; also return the identifiers of its training set."""
    content = json.loads((HERE / name / "model.json").read_text(encoding="utf-8"))
    settings = TrainingSettings(**content["metadata"]["training"]["settings"])
    model = load_model(HERE / name)
    dataset = dataset_of(RECIPES[name].read(data), settings)
    split = make_split(dataset, settings)
    graphs = Graphs(model, runs / "features")
    ids, labeled = graphs.labeled(dataset.select(split.validation))
    return evaluate(model, ids, labeled), set(split.train)


def main() -> None:
    """Evaluate the models, and print the table."""
    parser = argparse.ArgumentParser(description="Compare committees of both networks.")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--runs", type=Path, required=True)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    lines = ["| property | crystals | EOSNet | OCrystalNet | mean | best weight |"]
    lines.append("|---|---|---|---|---|---|")
    kinds = [name.removeprefix("ocrystalnet-") for name in RECIPES if "ocrystal" in name]
    for kind in kinds:
        names = [f"{network}-{kind}" for network in NETWORKS]
        if not all((HERE / name).is_dir() for name in names):
            continue
        found = [on_validation_set(name, arguments.data, arguments.runs) for name in names]
        values = [dict(zip(at.ids, at.predicted, strict=True)) for at, _ in found]
        known = dict(zip(found[0][0].ids, found[0][0].known, strict=True))
        common = sorted(values[0].keys() & values[1].keys() - found[0][1] - found[1][1])
        one, two = (np.array([at[name] for name in common]) for at in values)
        truth = np.array([known[name] for name in common])
        errors = [float(np.abs((1 - w) * one + w * two - truth).mean()) for w in WEIGHTS]
        best = int(np.argmin(errors))
        lines.append(
            f"| {kind} | {len(common)} | {errors[0]:.4f} | {errors[-1]:.4f} | "
            f"{errors[len(WEIGHTS) // 2]:.4f} | {WEIGHTS[best]:.2f}: {errors[best]:.4f} |"
        )
        logging.info("%s", lines[-1])
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
