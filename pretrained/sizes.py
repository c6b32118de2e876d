"""Measure what weights in half precision do to the shipped models.

    python pretrained/sizes.py --data FOLDER

For each model, this prints the size of its weights, the size with large matrices in
half precision and compressed as in a wheel, and how far the predictions for crystals of the
validation set move, relative to the error on the test set.
"""

from __future__ import annotations

import argparse
import sys
import zlib
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from recipes import RECIPES, split_of

from ase_orbital import Predictor, load_model
from ase_orbital.models.rounding import round_weights
from ase_orbital.training import TrainingSettings
from ase_orbital.zoo import list_models, model_folder, read_card

N_CRYSTALS = 300
MIB = 2**20


@cache
def crystals_of(files: tuple[str, ...], name: str, data: Path) -> list:
    """Return crystals of the validation set; models of one data set share them."""
    del files
    recipe = RECIPES[name]
    settings = TrainingSettings(**recipe.settings)
    crystals = recipe.read(data)
    if settings.test_column is not None:
        crystals = [atoms for atoms in crystals if not atoms.info[settings.test_column]]
    names = set(split_of(crystals, settings).validation)
    found = [atoms for atoms in crystals if str(atoms.info["id"]) in names]
    return found[:N_CRYSTALS]


def main() -> None:
    """Print a row for each model."""
    parser = argparse.ArgumentParser(description="Measure weights in half precision.")
    parser.add_argument("--data", type=Path, required=True)
    data = parser.parse_args().data
    first: dict[tuple[str, ...], str] = {}
    lines = [
        "| model | MiB | half, compressed | shift / error | largest / error |",
        "|---" * 5 + "|",
    ]
    totals = np.zeros(2)
    for name in list_models():
        files = RECIPES[name].data.files
        crystals = crystals_of(files, first.setdefault(files, name), data)
        model, card = load_model(name), read_card(name)
        values = []
        with TemporaryDirectory() as folder:
            for _ in range(2):
                rows = Predictor(model).predict_many(crystals, errors="record")
                values.append([row.get(card.property_name, np.nan) for row in rows])
                round_weights(model)
            model.save(folder)
            packed = len(zlib.compress((Path(folder) / "state.pt").read_bytes(), 9))
        before, after = np.array(values, float)
        if model.transform == "log10":
            before, after = np.log10(before), np.log10(after)
        # Of a probability, relative to the share of wrong classes.
        metrics = card.metrics
        error = metrics.get("mae_test", 1.0 - metrics.get("accuracy_test", 0.0))
        shift = np.abs(after - before)[np.isfinite(before)] / error
        sizes = np.array([(model_folder(name) / "state.pt").stat().st_size, packed]) / MIB
        totals += sizes
        lines.append(
            f"| `{name}` | {sizes[0]:.1f} | {sizes[1]:.1f} | {shift.mean():.1e} "
            f"| {shift.max():.1e} |"
        )
        sys.stderr.write(lines[-1] + "\n")
    lines.append(f"| all | {totals[0]:.1f} | {totals[1]:.1f} | | |")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
