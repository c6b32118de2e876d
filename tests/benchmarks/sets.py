"""The crystals to measure on, the same in every run."""

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

# From a file of the data folder, so many drawn at random.
FILES = {
    "P": ("perovskites.extxyz.gz", 400),
    "J": ("jarvis_subset.extxyz.gz", 50),
    "D": ("mp2018.extxyz.gz", 300),
}
DIAMOND = 5.67  # Å^3 an atom
CLOSEST = 1.2  # Å; between atoms of the dense carbons
N_CARBONS = 60


class Sets:
    """Sets of crystals by name, read or made when first asked for.

    P: perovskites of 5 atoms; J: mixed crystals of JARVIS; D: a sample of a database;
    C: dense carbons of 6 to 24 atoms; B: rattled cells of 512 and 1,000 atoms; S: a perfect
    supercell. P, J and D are only there with a folder of data.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._sets: dict[str, list[Atoms]] = {}

    def __getitem__(self, name: str) -> list[Atoms]:
        if name not in self._sets:
            self._sets[name] = self._make(name)
        return self._sets[name]

    def there(self, *names: str) -> Iterator[tuple[str, list[Atoms]]]:
        """Those of the sets that can be had here."""
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
    """Atoms of all crystals together."""
    return sum(map(len, crystals))


def salt(repeats: int) -> Atoms:
    """Perfect rock salt, 8 atoms times the cube of `repeats`."""
    return bulk("NaCl", "rocksalt", a=5.64, cubic=True).repeat(repeats)


def rattled_salt(repeats: int, seed: int = 0) -> Atoms:
    """Rock salt with no two environments alike."""
    atoms = salt(repeats)
    atoms.rattle(0.05, seed=seed)
    return atoms


def rattled_diamond(repeats: int, element: str = "Si", seed: int = 0) -> Atoms:
    """Silicon, or diamond itself, with no two environments alike."""
    atoms = bulk(element, "diamond", cubic=True).repeat(repeats)
    atoms.rattle(0.05, seed=seed)
    return atoms


def titanate(a: float, repeats: tuple[int, int, int] = (1, 1, 1)) -> Atoms:
    """Cubic SrTiO3 with a lattice constant in Å, 5 atoms a cell."""
    cell = crystal(
        ["Sr", "Ti", "O"],
        [(0, 0, 0), (0.5, 0.5, 0.5), (0.5, 0.5, 0)],
        spacegroup=221,
        cellpar=[a, a, a, 90, 90, 90],
    )
    # Bare Atoms: what ASE notes on the space group travels with every copy.
    return Atoms(cell.numbers, cell.positions, cell=cell.cell, pbc=True).repeat(repeats)


def rattled_titanates(repeats: tuple[int, int, int], number: int) -> list[Atoms]:
    """Supercells in which no two atoms are alike."""
    cells = [titanate(3.9, repeats) for _ in range(number)]
    for seed, atoms in enumerate(cells):
        atoms.rattle(0.05, seed=seed)
    return cells


def carbons(number: int) -> list[Atoms]:
    """Random carbons of 6 to 24 atoms, as dense as diamond."""
    random = np.random.default_rng(0)
    return [_carbon(int(random.integers(6, 25)), random) for _ in range(number)]


def _carbon(size: int, random: np.random.Generator) -> Atoms:
    """Put atoms anywhere in a cell of any shape, but not on each other."""
    while True:
        shape = Cell.fromcellpar(
            [*random.uniform(0.7, 1.4, 3), *random.uniform(65, 115, 3)]
        )
        if shape.volume < 0.3:
            continue
        cell = Cell(shape.array * (size * DIAMOND / shape.volume) ** (1 / 3))
        points = _apart(cell, size, random)
        if points is not None:
            return Atoms(f"C{size}", points, cell=cell, pbc=True)


def _apart(
    cell: Cell, size: int, random: np.random.Generator
) -> NDArray[np.float64] | None:
    """Points no nearer than CLOSEST to each other and their images; None if they jam."""
    if cell.minkowski_reduce()[0].lengths().min() < CLOSEST:
        return None
    points = np.zeros((1, 3))
    for _ in range(1000 * size):
        point = random.random((1, 3)) @ cell.array
        distances = get_distances(point, points, cell=cell, pbc=True)[1]
        if (distances > CLOSEST).all():
            points = np.vstack([points, point])
            if len(points) == size:
                return points
    return None
