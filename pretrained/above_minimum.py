"""Structures above their local minimum, with relaxation energies from our own model.

They are distorted copies of training crystals, and random candidates with the elements of
these. `eosnet-formation-energy-mp2018` knows energies at any geometry; the relaxation
energy of a structure is its prediction, less that for the crystal. `calibrate.py` trains
the estimate of the relaxation energy of every model with these structures.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import ase.io
import numpy as np
from candidates import DENSE, LOOSE, of_elements
from distorted import KINDS, N_COPIES, RELAXES, Distorter, is_physical
from pymatgen.core import Composition
from tqdm import tqdm

from ase_orbital import Predictor
from ase_orbital.files import atomic_write
from ase_orbital.properties import FORMATION_ENERGY, RELAXATION_ENERGY
from ase_orbital.structure import read_frames

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ase import Atoms

TEACHER = "eosnet-formation-energy-mp2018"
EVERY = 3  # so many crystals lend their elements to a candidate
MOST_ATOMS = 16  # of a candidate
LOOKED_AT = {Composition(formula).reduced_formula for formula in (*LOOSE, *DENSE)}


def above_minimum(crystals: list[Atoms], path: Path) -> list[Atoms]:
    """Read the structures from a file, or make it from the crystals."""
    if not path.is_file():
        order = np.random.default_rng(0).permutation(len(crystals))
        made = make([crystals[index] for index in order])
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as temporary:
            ase.io.write(temporary, made, format="extxyz")
    return list(read_frames(path))


def make(crystals: list[Atoms]) -> list[Atoms]:
    """Make and label the structures of some crystals."""
    predictor = Predictor(TEACHER)
    own = energies(predictor, crystals)
    crystals = [at for at, energy in zip(crystals, own, strict=True) if np.isfinite(energy)]
    own = own[np.isfinite(own)]
    distorter, rows = Distorter(crystals), []
    for index, atoms in enumerate(tqdm(crystals, unit="crystals")):
        random = np.random.default_rng([1, *str(atoms.info["id"]).encode()])
        made = [*copies(atoms, distorter, random)]
        if index % EVERY == 0 and (candidate := candidate_of(atoms, random)):
            made.append(candidate)
        rows += [(index, copy) for copy in made]
    found = energies(predictor, [copy for _, copy in rows])
    for number, ((index, copy), energy) in enumerate(zip(rows, found, strict=True)):
        name = str(crystals[index].info["id"])
        copy.calc = None
        copy.info = {
            "id": f"{name}-{number}",
            "group": name,
            RELAXATION_ENERGY: float(max(energy - own[index], 0.0)),
        }
    return [copy for _, copy in rows]


def energies(predictor: Predictor, structures: list[Atoms]) -> np.ndarray:
    """Predict formation energies, eV/atom; nan for elements that are not known."""
    records = predictor.predict_many(structures, errors="record", progress=True)
    return np.array([record[FORMATION_ENERGY] for record in records])


def copies(
    atoms: Atoms, distorter: Distorter, random: np.random.Generator
) -> Iterator[Atoms]:
    """Yield distorted copies that relax back to the crystal."""
    shares = np.array([KINDS[kind] for kind in RELAXES])
    for kind in random.choice(RELAXES, N_COPIES, p=shares / shares.sum()):
        copy = distorter.copy(atoms, str(kind), random)
        if is_physical(copy):
            yield copy


def candidate_of(atoms: Atoms, random: np.random.Generator) -> Atoms | None:
    """Make a candidate, unless it is large or one of the compounds that are looked at."""
    symbols = atoms.get_chemical_formula()
    n_atoms = len(atoms)
    if n_atoms > MOST_ATOMS or Composition(symbols).reduced_formula in LOOKED_AT:
        return None
    n_units = max(1, 6 // n_atoms)
    volume = n_units * atoms.get_volume() * np.exp(random.normal(0.15, 0.2))
    return of_elements(
        np.tile(atoms.numbers, n_units),
        volume,
        float(random.choice([0.6, 0.7])),
        np.random.RandomState(random.integers(2**31)),
        tries=200,
    )
