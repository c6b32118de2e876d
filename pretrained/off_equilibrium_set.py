"""Structures away from equilibrium that no model was trained on, judged by a potential.

    python pretrained/off_equilibrium_set.py --data FOLDER --out FILE [--part validation]

The crystals are drawn from the test set of `eosnet-formation-energy-mp2018`: at most 30
atoms, at the geometry of their target. The judge is SevenNet 7net-l3i5 (`pip install
sevenn`), which is more accurate than the potential that labels the training data.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import ase.io
import numpy as np
from ase.filters import FrechetCellFilter
from ase.optimize import FIRE
from candidates import DENSE, N_DENSE, dense
from potentials import SevenNet
from recipes import RECIPES, split_of

from ase_orbital.files import atomic_write
from ase_orbital.properties import FORMATION_ENERGY
from ase_orbital.training import TrainingSettings
from ase_orbital.training.distortions import rattled, scaled, strained

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ase import Atoms

JUDGE = "7net-l3i5"
N_CRYSTALS = 60
MOST_ATOMS = 30
N_CANDIDATES = 4  # relaxed, for each system
STEPS = 60
VOLUMES = np.array([-0.12, -0.09, -0.06, -0.03, 0.03, 0.06, 0.09, 0.12, 0.16])


def distorted(atoms: Atoms, random: np.random.Generator) -> Iterator[tuple[str, Atoms]]:
    """Yield the copies of a crystal, with the names of their rows."""
    for change in VOLUMES:
        yield f"volume {change:+.0%}", scaled(atoms, change)
    yield "strain 3%", strained(atoms, 0.03, random)
    for std in (0.05, 0.1, 0.12, 0.2):
        yield f"rattled {std} Å", rattled(atoms, std, random)


def chosen_crystals(data: Path, part: str) -> list[Atoms]:
    """Draw crystals from the validation or test set."""
    recipe = RECIPES["eosnet-formation-energy-mp2018"]
    crystals = {str(atoms.info["id"]): atoms for atoms in recipe.read(data)}
    split = split_of([*crystals.values()], TrainingSettings(**recipe.settings))
    some = [crystals[name] for name in getattr(split, part)]
    some = [at for at in some if len(at) <= MOST_ATOMS and at.info["geometry"] == 2020]
    order = np.random.default_rng(1).permutation(len(some))[:N_CRYSTALS]
    return [some[index] for index in order]


def relaxation(atoms: Atoms, potential: SevenNet) -> list[Atoms]:
    """Relax a candidate with its cell, and return the steps."""
    atoms = atoms.copy()
    atoms.calc = potential.calculator()
    steps: list[Atoms] = []

    def record() -> None:
        energy = atoms.get_potential_energy() / len(atoms)
        steps.append(atoms.copy())
        steps[-1].info = {"potential": energy}

    optimizer = FIRE(FrechetCellFilter(atoms), logfile=None)
    optimizer.attach(record)
    optimizer.run(fmax=0.05, steps=STEPS)
    return steps


def main() -> None:
    """Make the structures."""
    parser = argparse.ArgumentParser(description="Make structures off equilibrium.")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--part", choices=("validation", "test"), default="test")
    arguments = parser.parse_args()
    seed = 11 if arguments.part == "test" else 12
    potential, structures = SevenNet(JUDGE), []
    for atoms in chosen_crystals(arguments.data, arguments.part):
        random = np.random.default_rng([seed, *str(atoms.info["id"]).encode()])
        copies = [("crystal", atoms), *distorted(atoms, random)]
        energies = potential.energies([copy for _, copy in copies])
        for (row, copy), energy in zip(copies, energies, strict=True):
            copy = copy.copy()
            copy.info = {
                "row": row,
                "id": atoms.info["id"],
                FORMATION_ENERGY: atoms.info[FORMATION_ENERGY] + energy - energies[0],
            }
            structures.append(copy)
    for formula, n_units in DENSE.items():
        made = dense(formula, n_units, N_DENSE, seed)
        for atoms in made:
            atoms.calc = None
            atoms.info = {"row": "candidate", "id": formula}
        structures += made
        for number, atoms in enumerate(made[:N_CANDIDATES]):
            for step in relaxation(atoms, potential):
                step.info |= {"row": "relaxation", "id": f"{formula} {number}"}
                structures.append(step)
    with atomic_write(arguments.out) as temporary:
        ase.io.write(temporary, structures, format="extxyz")


if __name__ == "__main__":
    main()
