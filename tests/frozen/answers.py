"""Descriptors and predictions of 50 structures, to compare with those of other versions."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from ase import Atoms
from ase.build import bulk

from ase_orbital import Predictor
from ase_orbital.elements import SYMBOLS
from ase_orbital.testing import random_structure
from ase_orbital.testing.__main__ import DESCRIPTORS
from ase_orbital.testing.random_structures import LATTICES
from ase_orbital.zoo import model_folder, read_card

if TYPE_CHECKING:
    from collections.abc import Sequence

TABLE = Path(__file__).with_name("answers.json")
METALS = ("Cu", "Al", "Fe", "Mg", "W", "Ti", "Na", "Ag")
COMPOUNDS = (
    ("NaCl", "rocksalt", 5.64), ("MgO", "rocksalt", 4.21), ("TiC", "rocksalt", 4.33),
    ("CsCl", "cesiumchloride", 4.12), ("GaAs", "zincblende", 5.65),
    ("SiC", "zincblende", 4.36), ("Si", "diamond", 5.43), ("C", "diamond", 3.57),
    ("C", "diamond", 2.6), ("Cu", "fcc", 2.1),
)  # fmt: skip
KINDS = ("crystal",) * 8 + ("slab", "wire", "molecule")
SITES = ("special", "nearly special", "general")


def crystals() -> list[Atoms]:
    """Make the structures: metals, compounds, two that are very dense, and random ones."""
    known = [bulk(symbol) for symbol in METALS]
    known += [bulk(name, kind, a=a) for name, kind, a in COMPOUNDS]
    for number in range(50 - len(known)):
        drawn = random_structure(
            np.random.default_rng(number),
            kind=KINDS[number % len(KINDS)],
            lattice=LATTICES[number % len(LATTICES)],
            n_atoms=1 + number % 9,
            volume=float(8 + 2 * number),
            sites=SITES[number % len(SITES)],
            skewed=number % 2 == 1,
        )
        known.append(drawn)
    return known


def descriptor_answers(name: str, structures: Sequence[Atoms]) -> list[list[float]]:
    """Reduce the features of each structure to three numbers that depend on all of them."""
    found = []
    for features in DESCRIPTORS[name].create_many(list(structures)):
        mean, angle = features.mean(axis=0), np.arange(features.shape[1])
        numbers = mean @ np.cos(angle), mean @ np.sin(angle), np.square(features).mean()
        found.append([float(number) for number in numbers])
    return found


def model_answers(name: str, structures: Sequence[Atoms]) -> list[float | None]:
    """Predict in double precision; None for structures that are outside the model."""
    settings = read_card(name).settings
    predictor = Predictor(name, device="cpu", dtype=torch.float64)
    elements = {SYMBOLS[number] for number in settings["elements"] or range(1, 119)}
    found: list[float | None] = [None] * len(structures)
    inside = [
        index
        for index, atoms in enumerate(structures)
        if atoms.pbc.all() and elements.issuperset(atoms.symbols)
    ]
    records = predictor.predict_many([structures[index] for index in inside])
    for index, record in zip(inside, records, strict=True):
        found[index] = float(record[settings["property_name"]])
    return found


def weights_of(name: str) -> str:
    """Checksum of the weights of a model."""
    content = json.loads((model_folder(name) / "model.json").read_text(encoding="utf-8"))
    return str(content["sha256"]["state.pt"])


def to_json(atoms: Atoms) -> dict[str, Any]:
    return {
        "numbers": atoms.numbers.tolist(),
        "positions": atoms.positions.round(12).tolist(),
        "cell": atoms.cell.array.round(12).tolist(),
        "pbc": atoms.pbc.tolist(),
    }


def table(models: Sequence[str]) -> dict[str, Any]:
    """Compute all answers."""
    stored = [to_json(atoms) for atoms in crystals()]
    structures = [Atoms(**at) for at in stored]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {
            "structures": stored,
            "descriptors": {
                name: descriptor_answers(name, structures) for name in DESCRIPTORS
            },
            "models": {
                name: {
                    "weights": weights_of(name),
                    "means": model_answers(name, structures),
                }
                for name in models
            },
        }
