"""Errors that others published, beside which those of the models stand.

The errors of EOSnet's runs, in `recipes.py`, are recomputed from the predictions that its
authors published (`results/*/test_results.csv` in their repository), for all crystals of
their test sets. Those of the papers are the headline figures that they print.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

import numpy as np
from recipes import RECIPES, Recipe, split_of

from ase_orbital import properties
from ase_orbital.training import TrainingSettings

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from ase import Atoms

# Mean absolute errors in the papers of EOSnet (on several data sets) and of OCrystalNet (on
# the Materials Project, with the split of MEGNet), in the unit that the models learn.
PAPERS: Final = {
    properties.ENERGY: ("0.034", ""),
    properties.FORMATION_ENERGY: ("0.029", "0.027"),
    properties.BAND_GAP: ("0.163", "0.252"),
    properties.FERMI_ENERGY: ("0.295", ""),
    properties.BULK_MODULUS: ("0.034", "0.041"),
    properties.SHEAR_MODULUS: ("0.072", "0.073"),
    properties.METAL_PROBABILITY: ("area under the ROC curve 0.977, called accuracy", ""),
}
# Errors on the official folds of matbench: its leaderboard, and Du et al. (DenseGNN,
# DenseNGN), npj Comput. Mater. 10, 292 (2024).
MATBENCH: Final = {
    "perovskites": "DenseGNN 0.0268, coGN 0.0269, ALIGNN 0.0288, CGCNN 0.0452",
    "phonons": "DenseNGN 23.5, MEGNet 28.8, ALIGNN 29.5, coGN 29.7, CGCNN 57.8",
    "log_kvrh": "DenseNGN 0.0464, coNGN 0.0491, ALIGNN 0.0568, CGCNN 0.0712",
    "log_gvrh": "DenseNGN 0.0654, coNGN 0.0670, ALIGNN 0.0715, CGCNN 0.0895",
    "dielectric": "MODNet 0.271, coGN 0.309, ALIGNN 0.345, CGCNN 0.599",
}


def published_errors(recipe: Recipe, crystals: Sequence[Atoms]) -> str:
    """Return sentences for the card on the errors that others published."""
    settings = TrainingSettings(**recipe.settings)
    if not recipe.published:
        return ""
    text = f"On its own test set, the published EOSnet run reaches {recipe.published}."
    if recipe.published_column is not None:
        test = [atoms.info for atoms in crystals if atoms.info["published_test"]]
        column, target = recipe.published_column, settings.target
        error = np.mean([abs(info[column] - info[target]) for info in test])
        text += (
            f" On the {len(test):,} crystals of it that are the test set of this model, "
            f"its published predictions have an error of {error:.4f}."
        )
    eosnet, ocrystalnet = PAPERS.get(settings.property_name, ("", ""))
    if eosnet:
        text += f" The EOSnet paper gives {eosnet}"
        text += f", and the OCrystalNet paper {ocrystalnet}." if ocrystalnet else "."
    return text


def test_crystals_seen_before(name: str, test: Sequence[str], data: Path) -> str:
    """Return a sentence on test crystals that were trained on with another target.

    A model may start from others, whose training sets are those of other splits.
    """
    seen: dict[str, set[str]] = {}
    while start := RECIPES[name].settings.get("start_from"):
        name = str(start).rpartition("/")[2]
        trained = training_set(name, data)
        if sources(trained).isdisjoint(sources(test)):
            return (
                " The data have identifiers of their own, so it is not known how many "
                "crystals of the test set were trained on, with another target, by "
                f"`{name}`, from which this model starts."
            )
        seen[name] = trained.intersection(test)
    if not seen:
        return ""
    together = set[str]().union(*seen.values())
    if not together:
        return (
            " No crystal of the test set was in the training set of a model from which "
            "this one starts."
        )
    each = ", ".join(f"{len(ids):,} by `{name}`" for name, ids in seen.items() if ids)
    return (
        f" {len(together):,} of the {len(test):,} crystals of the test set were trained "
        f"on, with another target, by models from which this one starts ({each})."
    )


def sources(ids: Iterable[str]) -> set[str]:
    """Return what identifiers begin with, such as "mp" for the Materials Project."""
    return {name.partition("-")[0] for name in ids}


@cache
def training_set(name: str, data: Path) -> frozenset[str]:
    """Return the identifiers of the crystals that a recipe trains on.

    Where the data mark the test set, its validation set is included.
    """
    recipe = RECIPES[name]
    settings = TrainingSettings(**recipe.settings)
    crystals, column = recipe.read(data), settings.test_column
    most = settings.most_atoms or np.inf
    small = {str(atoms.info["id"]) for atoms in crystals if len(atoms) <= most}
    if column is not None:
        return frozenset(str(at.info["id"]) for at in crystals if not at.info[column])
    trained = small.intersection(split_of(crystals, settings).train)
    if recipe.data.extra:
        known = {str(atoms.info["id"]) for atoms in crystals}
        trained.update(split_of(recipe.read_extra(data, known), settings).train)
    return frozenset(trained)
