"""Compare predictions for crystals relaxed by a potential with those at the DFT geometry.

    python pretrained/relaxed.py eosnet-band-gap-mp2018 --data FOLDER --out FOLDER

Users rarely have the geometry from DFT. For crystals of the validation set of a model, the
table has the mean absolute error at the DFT geometry, and after a relaxation of atoms and
cell with SevenNet-0 (`pip install sevenn`), started from a geometry with strain and
displacements. The relaxed crystals are kept in the folder of `--out`.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ase.io
import numpy as np
from ase.filters import FrechetCellFilter
from ase.optimize import BFGS
from potentials import SevenNet
from recipes import RECIPES, dataset_of, trained_settings
from tqdm import tqdm

from ase_orbital import Predictor, load_model
from ase_orbital.files import atomic_write
from ase_orbital.structure import read_frames
from ase_orbital.training.distortions import rattled, strained
from ase_orbital.training.preparation import make_split

if TYPE_CHECKING:
    from ase import Atoms

HERE = Path(__file__).parent
N_CRYSTALS = 100
MOST_ATOMS = 12
STEPS, FORCE = 120, 0.03  # most steps, and the largest force in eV/Å at the end
STRAIN, DISPLACEMENT = 0.01, 0.03  # of the start; Å


def chosen_crystals(name: str, data: Path) -> list[Atoms]:
    """Draw small crystals of the validation set, at the geometry of their target."""
    recipe = RECIPES[name]
    settings = trained_settings(HERE / name)
    crystals = recipe.read(data)
    dataset = dataset_of(crystals, settings)
    known = dict(zip(dataset.ids, dataset.targets, strict=True))
    wanted = set(make_split(dataset, settings).validation)
    small = []
    for atoms in crystals:
        name = str(atoms.info["id"])
        at_target = atoms.info.get("geometry", 2020) == 2020
        if name in wanted and at_target and len(atoms) <= MOST_ATOMS:
            atoms.info = {"id": name, "target": known[name]}
            small.append(atoms)
    order = np.random.default_rng(3).permutation(len(small))[:N_CRYSTALS]
    return [small[index] for index in order]


def relaxed(atoms: Atoms, potential: Any) -> Atoms | None:
    """Relax a disturbed crystal; None if it does not converge."""
    random = np.random.default_rng([*str(atoms.info["id"]).encode()])
    copy = rattled(strained(atoms, STRAIN, random), DISPLACEMENT, random)
    copy.calc = potential
    if not BFGS(FrechetCellFilter(copy), logfile=None).run(fmax=FORCE, steps=STEPS):
        return None
    copy.calc = None
    copy.info = dict(atoms.info)
    return copy


def main() -> None:
    """Relax, predict, and print a row of the table."""
    parser = argparse.ArgumentParser(description="Compare relaxed and DFT geometries.")
    parser.add_argument("name", choices=RECIPES)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--model", help="folder of another model; else the shipped one")
    arguments = parser.parse_args()
    crystals = chosen_crystals(arguments.name, arguments.data)
    model = load_model(arguments.model or HERE / arguments.name)
    path = arguments.out / f"relaxed-{model.property_name}.extxyz"
    if not path.is_file():
        potential = SevenNet("7net-0").calculator()
        found = [relaxed(atoms, potential) for atoms in tqdm(crystals)]
        with atomic_write(path) as temporary:
            converged = [atoms for atoms in found if atoms is not None]
            ase.io.write(temporary, converged, format="extxyz")
    after = {str(atoms.info["id"]): atoms for atoms in read_frames(path)}
    crystals = [atoms for atoms in crystals if str(atoms.info["id"]) in after]
    known = np.array([atoms.info["target"] for atoms in crystals])
    errors = []
    for structures in (crystals, [after[str(at.info["id"])] for at in crystals]):
        records = Predictor(model).predict_many(structures)
        predicted = np.array([record[model.property_name] for record in records])
        if model.transform == "log10":
            predicted = np.log10(predicted)
        errors.append(np.abs(predicted - known).mean())
    ratio = errors[1] / errors[0]
    row = f"{len(crystals)} | {errors[0]:.4f} | {errors[1]:.4f} | {ratio:.2f}"
    sys.stdout.write(f"| {arguments.model or arguments.name} | {row} |\n")


if __name__ == "__main__":
    main()
