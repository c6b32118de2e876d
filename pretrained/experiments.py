"""Experiments with EOSNet: change one setting after another, and print a table.

    python pretrained/experiments.py --data FOLDER --runs FOLDER

The crystals are the perovskites outside the published test split: 6,000 for training and
2,000 for validation. Finished runs are not repeated.
"""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recipes import RECIPES

from ase_orbital import GOM, OFM, Concatenate, ElementalFeatures, OneHot
from ase_orbital.training import TrainingSettings
from ase_orbital.training.series import train_series

if TYPE_CHECKING:
    from ase_orbital.descriptors.base import Descriptor

SHARED: dict[str, Any] = {
    "property_name": "heat_of_formation",
    "sizes": (6000, 2000, 0),
    "epochs": 100,
    "accelerator": "cpu",
    "compile": True,
    "progress": False,
}
PAPER = TrainingSettings.paper("EOSNet", batch_size=256).to_dict() | SHARED
ABSOLUTE = PAPER | {
    "loss": "mae",
    "batch_size": 64,
    "patience": None,
    "first_rate": 1e-5,
    "clip": 5.0,
    "milestones": (0.2, 0.4, 0.8),
}
WIDE = {"n_hidden": 128}


def wide(**changes: Any) -> dict[str, Any]:
    """Return the settings of a network of width 128 with changed arguments."""
    return {"network_settings": WIDE | changes}


def described_by(descriptor: Descriptor) -> dict[str, Any]:
    """Return the settings of a network of width 128 with one more descriptor."""
    parts = OneHot(), GOM(n_eigenvalues=66, normalize=True), descriptor
    return wide(descriptor=Concatenate(*parts).to_settings())


# The first changes add up; each of the others changes the last of these, width 128.
VARIANTS: dict[str, dict[str, Any]] = {
    "the settings of the paper's code, with its schedule on 100 epochs": PAPER,
    "+ absolute errors, batches of 64, last epoch": ABSOLUTE,
    "+ soft nearest neighbors": ABSOLUTE | {"network_settings": {}},
    "+ cosine schedule with warm-up to 2e-3": {"averaging": 0.0},
    "+ averaged weights": {},
    "+ width 128": wide(),
    "width 192": wide(n_hidden=192),
    "5 convolutions": wide(n_convolutions=5),
    "16 neighbors": wide(n_neighbors=16),
    "OFM features": described_by(OFM()),
    "elemental features": described_by(ElementalFeatures()),
    "dropout 0.1": wide(dropout=0.1),
    "squared error": wide() | {"loss": "mse"},
    "batches of 32": wide() | {"batch_size": 32},
    "AdamW, weight decay 0.01": wide() | {"optimizer": "adamw", "weight_decay": 0.01},
    "200 epochs": wide() | {"epochs": 200},
}


def main() -> None:
    """Run the experiments that are not finished, and print the table."""
    parser = argparse.ArgumentParser(description="Experiments with EOSNet.")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--runs", type=Path, required=True)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    recipe = RECIPES["eosnet-heat-of-formation-perovskites"]
    crystals = recipe.read(arguments.data)
    kept = [atoms for atoms in crystals if not atoms.info["published_test"]]
    source = (kept, [atoms.info[SHARED["property_name"]] for atoms in kept])
    table = arguments.runs / "experiments" / "experiments.csv"
    variants = [({"change": name}, SHARED | part) for name, part in VARIANTS.items()]
    cache = arguments.runs / "features"
    rows = train_series(source, table, TrainingSettings(), variants, cache)
    lines = ["| change | validation error, eV/atom | minutes |", "|---|---|---|"]
    lines += [
        f"| {row['change']} | {row['mae']:.4f} | {row['minutes']:.1f} |" for row in rows
    ]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
