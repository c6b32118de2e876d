"""What helps EOSNet, on validation data: one change after another, and a table.

    python pretrained/experiments.py --data FOLDER --runs FOLDER

The crystals are perovskites that are not in the published test split: 6,000 to learn from,
2,000 to validate on. Finished runs are not repeated.
"""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path
from typing import Any

from recipes import RECIPES

from ase_orbital import GOM, OFM, Concatenate, ElementalFeatures, OneHot
from ase_orbital.descriptors.settings import to_settings
from ase_orbital.training import TrainingSettings
from ase_orbital.training.series import train_series

OVERLAP = GOM(n_eigenvalues=66, normalize=True)
WITH_OFM = to_settings(Concatenate(OneHot(), OVERLAP, OFM()))
WITH_ELEMENTS = to_settings(Concatenate(OneHot(), OVERLAP, ElementalFeatures()))
BASE: dict[str, Any] = {
    "property_name": "heat_of_formation", "sizes": (6000, 2000, 0), "epochs": 100,
    "accelerator": "cpu", "compile": True, "progress": False,
}  # fmt: skip
PAPER = TrainingSettings.paper("EOSNet").to_dict() | BASE
OURS = BASE | {"network_settings": {"n_hidden": 128}}
# Name, settings; the first rows add up, the others are one change each to `width 128`.
VARIANTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("the paper's settings, its schedule on 100 epochs", PAPER),
    ("+ neighbors by occupation", PAPER | {"network_settings": {}}),
    ("+ cosine to 2e-3 and down", BASE | {"averaging": 0.0}),
    ("+ averaged weights", BASE),
    ("+ width 128", OURS),
    ("width 192", BASE | {"network_settings": {"n_hidden": 192}}),
    ("5 convolutions", BASE | {"network_settings": {"n_hidden": 128, "n_convolutions": 5}}),
    ("16 neighbors", BASE | {"network_settings": {"n_hidden": 128, "n_neighbors": 16}}),
    (
        "rows with OFM",
        BASE | {"network_settings": {"n_hidden": 128, "descriptor": WITH_OFM}},
    ),
    (
        "rows with elemental features",
        BASE | {"network_settings": {"n_hidden": 128, "descriptor": WITH_ELEMENTS}},
    ),
    ("dropout 0.1", BASE | {"network_settings": {"n_hidden": 128, "dropout": 0.1}}),
    ("squared error", OURS | {"loss": "mse"}),
    ("batches of 32", OURS | {"batch_size": 32}),
    ("weight decay 0.01", OURS | {"optimizer": "adamw", "weight_decay": 0.01}),
    ("200 epochs", OURS | {"epochs": 200}),
)


def main() -> None:
    """Run what is not done, and print the table."""
    parser = argparse.ArgumentParser(description="What helps EOSNet.")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--runs", type=Path, required=True)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    recipe = RECIPES["eosnet-heat-of-formation-perovskites"]
    pairs = zip(*recipe.read(arguments.data), strict=True)
    kept = [(atoms, target) for atoms, target in pairs if not atoms.info["published_test"]]
    source = ([atoms for atoms, _ in kept], [target for _, target in kept])
    variants = [({"change": name}, settings) for name, settings in VARIANTS]
    folder = arguments.runs / "experiments"
    folder.mkdir(parents=True, exist_ok=True)
    rows = train_series(
        source,
        folder / "experiments.csv",
        TrainingSettings(),
        variants,
        arguments.runs / "features",
    )
    lines = ["| change | validation error, eV/atom | minutes |", "|---|---|---|"]
    lines += [
        f"| {row['change']} | {row['mae']:.4f} | {row['minutes']:.1f} |" for row in rows
    ]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
