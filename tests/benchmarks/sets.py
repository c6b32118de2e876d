"""The crystals of the benchmarks, which are the same in every run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.cell import Cell
from ase.geometry import get_distances
from ase.spacegroup import crystal

from ase_orbital.structure import read_frames

from .table import SkippedError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

# File in the data folder, and the number of crystals to draw from it.
FILES = {
    "P": ("perovskites.extxyz.gz", 400),
    "J": ("jarvis_subset.extxyz.gz", 50),
    "D": ("mp2018.extxyz.gz", 300),
}
DIAMOND = 5.67  # Å^3 per atom
MIN_DISTANCE = 1.2  # Å, between atoms of the dense carbons
N_CARBONS = 60


class Sets:
    """Sets of crystals by name, which are read or made at the first use.

    P: perovskites of 5 atoms; J: various crystals from JARVIS; D: a sample of a database;
    C: dense carbons of 6 to 24 atoms; B: rattled cells of 512 and 1,000 atoms; S: a perfect
    supercell. P, J and D need the folder of data.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._sets: dict[str, list[Atoms]] = {}

    def __getitem__(self, name: str) -> list[Atoms]:
        if name not in self._sets:
            self._sets[name] = self._make(name)
        return self._sets[name]

    def available(self, *names: str) -> Iterator[tuple[str, list[Atoms]]]:
        """Yield those of the sets that need no folder, or all if there is one."""
        here = [name for name in names if self._folder is not None or name not in FILES]
        if not here:
            raise SkippedError(f"set {' and '.join(names)} comes from files: --data FOLDER")
        for name in here:
            yield name, self[name]

    def _make(self, name: str) -> list[Atoms]:
        if name == "C":
            return carbons(N_CARBONS)
        if name == "B":
            return [rattled_diamond(4), rattled_salt(5)]
        if name == "S":
            return [salt(5)]
        if self._folder is None:
            raise SkippedError(f"set {name} comes from a file: --data FOLDER")
        file, size = FILES[name]
        frames = read_frames(self._folder / file, index=":")
        drawn = np.random.default_rng(0).choice(len(frames), size, replace=False)
        return [frames[index] for index in sorted(drawn)]


def n_atoms(crystals: list[Atoms]) -> int:
    """Return the number of atoms in all crystals together."""
    return sum(map(len, crystals))


def salt(repeats: int) -> Atoms:
    """Return a perfect rock salt cell with 8 repeats^3 atoms."""
    return bulk("NaCl", "rocksalt", a=5.64, cubic=True).repeat(repeats)


def rattled_salt(repeats: int, seed: int = 0) -> Atoms:
    """Return rock salt in which all environments differ."""
    atoms = salt(repeats)
    atoms.rattle(0.05, seed=seed)
    return atoms


def rattled_diamond(repeats: int, element: str = "Si", seed: int = 0) -> Atoms:
    """Return silicon or diamond in which all environments differ."""
    atoms = bulk(element, "diamond", cubic=True).repeat(repeats)
    atoms.rattle(0.05, seed=seed)
    return atoms


def titanate(a: float, repeats: tuple[int, int, int] = (1, 1, 1)) -> Atoms:
    """Return cubic SrTiO3, 5 atoms per cell, with a lattice constant in Å."""
    cell = crystal(
        ["Sr", "Ti", "O"],
        [(0, 0, 0), (0.5, 0.5, 0.5), (0.5, 0.5, 0)],
        spacegroup=221,
        cellpar=[a, a, a, 90, 90, 90],
    )
    # Plain Atoms, without the info on the space group that every copy would carry.
    return Atoms(cell.numbers, cell.positions, cell=cell.cell, pbc=True).repeat(repeats)


def rattled_titanates(repeats: tuple[int, int, int], number: int) -> list[Atoms]:
    """Return supercells of SrTiO3 in which all atoms differ."""
    cells = [titanate(3.9, repeats) for _ in range(number)]
    for seed, atoms in enumerate(cells):
        atoms.rattle(0.05, seed=seed)
    return cells


def carbons(number: int) -> list[Atoms]:
    """Return random carbons of 6 to 24 atoms with the density of diamond."""
    random = np.random.default_rng(0)
    return [_carbon(int(random.integers(6, 25)), random) for _ in range(number)]


def _carbon(size: int, random: np.random.Generator) -> Atoms:
    """Place atoms at random, but not too close, in a cell of random shape."""
    while True:
        shape = Cell.fromcellpar(
            [*random.uniform(0.7, 1.4, 3), *random.uniform(65, 115, 3)]
        )
        if shape.volume < 0.3:
            continue
        cell = Cell(shape.array * (size * DIAMOND / shape.volume) ** (1 / 3))
        points = _separate_points(cell, size, random)
        if points is not None:
            return Atoms(f"C{size}", points, cell=cell, pbc=True)


def _separate_points(
    cell: Cell, size: int, random: np.random.Generator
) -> NDArray[np.float64] | None:
    """Draw points no closer than MIN_DISTANCE, or return None if they do not fit."""
    if cell.minkowski_reduce()[0].lengths().min() < MIN_DISTANCE:
        return None
    points = np.zeros((1, 3))
    for _ in range(1000 * size):
        point = random.random((1, 3)) @ cell.array
        distances = get_distances(point, points, cell=cell, pbc=True)[1]
        if (distances > MIN_DISTANCE).all():
            points = np.vstack([points, point])
            if len(points) == size:
                return points
    return None
