"""Random candidates, as a structure search starts from them, made by ase_ga."""

from __future__ import annotations

from functools import cache
from itertools import cycle, islice
from typing import TYPE_CHECKING, Any

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers, covalent_radii
from pymatgen.core import Composition

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

# Two sets of unrelaxed candidates that are looked at: in large cells, whose volumes come
# from covalent radii, and formula units in a cell with 16 Å^3 an atom.
LOOSE = (
    "MgO", "TiO2", "CaTiO3", "Al2O3", "GaAs", "NaCl", "SiO2", "ZnS", "Cu3Au", "Fe2O3",
)  # fmt: skip
DENSE = {"MgO": 4, "TiO2": 2, "CaTiO3": 1, "Al2O3": 2, "GaAs": 4}
N_LOOSE = 60
N_DENSE = 12  # for each system
N_LOOKED_AT = N_LOOSE + N_DENSE * len(DENSE)
VOLUME = 16.0  # Å^3 an atom


def generator(
    blocks: list[tuple[Any, int]], volume: float, closest: float, random: Any, **bounds: Any
) -> Any:
    """Return ase_ga's generator of candidates.

    Atoms have a distance of at least `closest` times the sum of their covalent radii.
    """
    from ase_ga.startgenerator import StartGenerator
    from ase_ga.utilities import CellBounds, closest_distances_generator

    numbers = sorted(atomic_numbers.get(element, element) for element, _ in blocks)
    return StartGenerator(
        Atoms("", pbc=True),
        blocks,
        closest_distances_generator(numbers, closest),
        box_volume=volume,
        number_of_variable_cell_vectors=3,
        cellbounds=CellBounds(bounds),
        rng=random,
    )


def angles(least: float) -> dict[str, list[float]]:
    """Return bounds of the angles of cells, degrees."""
    return {name: [least, 180.0 - least] for name in ("phi", "chi", "psi")}


def lengths(least: float) -> dict[str, list[float]]:
    """Return bounds of the lengths of cells, Å."""
    return {name: [least, 40.0] for name in "abc"}


def dense(formula: str, n_units: int, number: int, seed: int) -> list[Atoms]:
    """Make candidates of some formula units at 16 Å^3 an atom."""
    counts = Composition(formula).get_el_amt_dict()
    blocks = [(name, int(count) * n_units) for name, count in counts.items()]
    volume = VOLUME * sum(count for _, count in blocks)
    # What ase_ga takes is the former kind of random numbers.
    source = generator(blocks, volume, 0.7, np.random.RandomState(seed), **angles(40))
    return [Atoms(source.get_new_candidate()) for _ in range(number)]


def loose() -> Iterator[Atoms]:
    """Yield candidates of two formula units, without end."""
    random = np.random.RandomState(0)
    for formula in cycle(LOOSE):
        numbers = np.tile(Atoms(formula).numbers, 2)
        volume = sum(4.5 * covalent_radii[number] ** 3 + 7.0 for number in numbers)
        made = of_elements(numbers, volume, 0.6, random, tries=2000)
        if made is not None:
            yield made


def of_elements(
    numbers: NDArray[np.int64], volume: float, closest: float, random: Any, tries: int
) -> Atoms | None:
    """Make a candidate of atoms with these numbers; None if they do not fit."""
    elements, counts = np.unique(numbers, return_counts=True)
    blocks = [*zip(elements.tolist(), counts.tolist(), strict=True)]
    bounds = angles(35) | lengths(2.5)
    source = generator(blocks, volume, closest, random, **bounds)
    try:
        made = source.get_new_candidate(tries)
    except AssertionError:  # ase_ga finds now and then that its atoms are too close
        return None
    return None if made is None else Atoms(made)


@cache
def looked_at() -> list[Atoms]:
    """Return both sets of candidates."""
    found = [*islice(loose(), N_LOOSE)]
    for formula, n_units in DENSE.items():
        found += dense(formula, n_units, N_DENSE, seed=11)
    return found
