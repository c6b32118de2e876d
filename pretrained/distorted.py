"""Make crystals away from equilibrium, labeled by differences of a potential.

    python pretrained/distorted.py --data FOLDER --out FOLDER
    python pretrained/distorted.py --data FOLDER --out FOLDER --part 1 --parts 2 --gpu

The crystals are those of the training set of `eosnet-formation-energy-mp2018` with at
most 30 atoms; none is from its validation and test sets. The label of a copy is the
formation energy of the crystal from DFT, plus the energy of the copy minus that of the
crystal, both from a universal potential (`pip install sevenn`). The folder of `--out`
receives an extended XYZ file for each 200 crystals of a data file; files that exist are not
made again. Several processes can share the work as parts.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ase.io
import numpy as np
from ase.data import covalent_radii
from potentials import SevenNet
from recipes import MOST_ATOMS, RECIPES, split_of
from tqdm import tqdm

from ase_orbital.errors import StructureError
from ase_orbital.files import atomic_write
from ase_orbital.neighbors.batch import neighbor_batch
from ase_orbital.properties import FORMATION_ENERGY
from ase_orbital.structure import to_atoms
from ase_orbital.training import TrainingSettings
from ase_orbital.training.distortions import (
    rattled,
    scaled,
    shifted_sublattices,
    strained,
)

if TYPE_CHECKING:
    from ase import Atoms

N_COPIES = 3
SHARD = 200  # crystals
CLOSEST = 0.6  # of the sum of covalent radii; the potential knows no shorter distances
LONGEST = 4.0  # Å; above that share of all sums of radii
HIGHEST = 2.5  # eV/atom above the crystal; what is higher is of no use to a relaxation
KINDS = {  # shares of the copies
    "volume": 0.2,
    "strain": 0.15,
    "rattle": 0.25,
    "sublattices": 0.08,
    "all": 0.2,
    "prototype": 0.08,
    "swap": 0.04,
}
RELAXES = ("volume", "strain", "rattle", "sublattices", "all")  # back to the crystal


class Distorter:
    """Make distorted copies of crystals; those of one crystal depend on it alone."""

    def __init__(self, crystals: list[Atoms]) -> None:
        self._prototypes: dict[str, list[Atoms]] = defaultdict(list)
        for atoms in crystals:
            self._prototypes[stoichiometry(atoms)].append(atoms)

    def copy(self, atoms: Atoms, kind: str, random: np.random.Generator) -> Atoms:
        """Return one copy of a kind."""
        if kind == "volume":
            return scaled(atoms, random.uniform(-0.15, 0.2))
        if kind == "strain":
            return strained(atoms, random.uniform(0.01, 0.05), random)
        if kind == "rattle":
            return rattled(atoms, _log_uniform(random, 0.02, 0.3), random)
        if kind == "sublattices":
            return shifted_sublattices(atoms, _log_uniform(random, 0.03, 0.3), random)
        if kind == "all":
            copy = strained(atoms, random.uniform(0.0, 0.03), random)
            copy = scaled(copy, random.normal(0.0, 0.04))
            return rattled(copy, _log_uniform(random, 0.02, 0.2), random)
        if kind == "swap":
            return swapped(atoms, random)
        others = self._prototypes[stoichiometry(atoms)]
        other = others[random.integers(len(others))]
        return substituted(other, atoms, random.normal(0.0, 0.05))


def _log_uniform(random: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(random.uniform(np.log(low), np.log(high))))


def elements_by_count(atoms: Atoms) -> list[tuple[int, int]]:
    """Return the counts and atomic numbers of the elements, the rarest first."""
    numbers, counts = np.unique(atoms.numbers, return_counts=True)
    return sorted(zip(counts.tolist(), numbers.tolist(), strict=True))


def stoichiometry(atoms: Atoms) -> str:
    """Return the counts of the elements, such as "1-1-3" for a perovskite."""
    counts = [count for count, _ in elements_by_count(atoms)]
    return "-".join(str(count // np.gcd.reduce(counts)) for count in counts)


def substituted(other: Atoms, atoms: Atoms, change: float) -> Atoms:
    """Put the elements of a crystal into the structure of another one.

    The volume per atom is that of the crystal, changed by a fraction.
    """
    copy = other.copy()
    pairs = zip(elements_by_count(other), elements_by_count(atoms), strict=True)
    new = {old: number for (_, old), (_, number) in pairs}
    copy.numbers = np.array([new[number] for number in other.numbers])
    wanted = atoms.get_volume() / len(atoms) * (1.0 + change)
    return scaled(copy, wanted / (other.get_volume() / len(other)) - 1.0)


def swapped(atoms: Atoms, random: np.random.Generator) -> Atoms:
    """Exchange two atoms of different elements."""
    copy = atoms.copy()
    first = random.integers(len(atoms))
    others = np.flatnonzero(atoms.numbers != atoms.numbers[first])
    if len(others):
        second = random.choice(others)
        copy.numbers[[first, second]] = copy.numbers[[second, first]]
    return rattled(copy, 0.02, random)


def is_physical(atoms: Atoms) -> bool:
    """Whether no two atoms are closer than the potential knows."""
    try:
        pairs = neighbor_batch([to_atoms(atoms)], LONGEST, symmetry=False)
    except StructureError:  # atoms coincide
        return False
    radii = covalent_radii[pairs.numbers]
    closest = CLOSEST * (radii[pairs.center] + radii[pairs.neighbor])
    return bool(np.all(pairs.distance > closest))


def make_copies(
    crystals: list[Atoms], distorter: Distorter, potential: SevenNet
) -> list[Atoms]:
    """Return labeled copies of some crystals, without those that are too high."""
    rows: list[tuple[str, Atoms, Atoms]] = []
    for atoms in crystals:
        random = np.random.default_rng([*str(atoms.info["id"]).encode()])
        kinds = random.choice([*KINDS], N_COPIES, p=[*KINDS.values()])
        copies = [(str(kind), distorter.copy(atoms, str(kind), random)) for kind in kinds]
        rows += [(kind, atoms, copy) for kind, copy in copies if is_physical(copy)]
    energies = potential.energies([*crystals, *(copy for *_, copy in rows)])
    own = {
        str(atoms.info["id"]): energy
        for atoms, energy in zip(crystals, energies[: len(crystals)], strict=True)
    }
    labeled = []
    for number, ((kind, atoms, copy), energy) in enumerate(
        zip(rows, energies[len(crystals) :], strict=True)
    ):
        name = str(atoms.info["id"])
        above = float(energy - own[name])
        if not abs(above) < HIGHEST:
            continue
        info: dict[str, Any] = {
            "id": f"{name}-{kind}-{number}",
            "group": name,
            "kind": kind,
        }
        info[FORMATION_ENERGY] = atoms.info[FORMATION_ENERGY] + above
        if kind in RELAXES:
            info["relaxation_energy_per_atom"] = above
        copy.info = info
        copy.calc = None
        labeled.append(copy)
    return labeled


def training_crystals(data: Path) -> dict[str, list[Atoms]]:
    """Return the small crystals of the training set by data file, in a random order."""
    recipe = RECIPES["eosnet-formation-energy-mp2018"]
    structures = recipe.read(data)
    known = {str(atoms.info["id"]) for atoms in structures}
    wanted = set(split_of(structures, TrainingSettings(**recipe.settings)).train)
    found = {
        "mp2018": [
            atoms
            for atoms in structures
            if str(atoms.info["id"]) in wanted and len(atoms) <= MOST_ATOMS
        ],
        "mp_matbench": recipe.read_extra(data, known),
    }
    return {
        name: [crystals[i] for i in np.random.default_rng(0).permutation(len(crystals))]
        for name, crystals in found.items()
    }


def main() -> None:
    """Make the copies."""
    parser = argparse.ArgumentParser(description="Make crystals away from equilibrium.")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--part", type=int, default=0)
    parser.add_argument("--parts", type=int, default=1)
    parser.add_argument("--potential", choices=("7net-0", "7net-l3i5"), default="7net-l3i5")
    parser.add_argument("--gpu", action="store_true", help="label on a GPU")
    arguments = parser.parse_args()
    sources = training_crystals(arguments.data)
    potential = SevenNet(arguments.potential, "cuda" if arguments.gpu else "cpu")
    arguments.out.mkdir(parents=True, exist_ok=True)
    distorters = {name: Distorter(crystals) for name, crystals in sources.items()}
    shards = [
        (name, number, crystals[start : start + SHARD])
        for name, crystals in sources.items()
        for number, start in enumerate(range(0, len(crystals), SHARD))
    ]
    for name, number, crystals in tqdm(
        shards[arguments.part :: arguments.parts], unit="files"
    ):
        path = arguments.out / f"{name}-{number:04}.extxyz"
        if not path.is_file():
            copies = make_copies(crystals, distorters[name], potential)
            with atomic_write(path) as temporary:
                ase.io.write(temporary, copies, format="extxyz")


if __name__ == "__main__":
    main()
