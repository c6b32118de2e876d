"""Crystals without their elements, to compare prototypes across compositions."""

from __future__ import annotations

from itertools import groupby, permutations, product
from math import factorial, prod

import numpy as np
from ase import Atoms

from ase_orbital.errors import StructureError

VOLUME = 20.0  # Å^3 per atom
# Their covalent radii differ, so that fingerprints tell the sites of species apart.
ELEMENTS = (14, 6, 11, 1, 19, 26, 9, 55)
LARGEST = 24  # numberings of the species


def prototypes(atoms: Atoms) -> list[Atoms]:
    """Replace the elements of a crystal by others that depend on their numbers only.

    All crystals get the same volume per atom. Then two of one prototype, such as MgO and
    NaCl, have about equal fingerprints.

    Parameters
    ----------
    atoms
        A valid crystal.

    Returns
    -------
    list of Atoms
        One for each way to exchange species of which there are equally many atoms; the
        first is always the same for the same order of atomic numbers. To compare two
        crystals, compare all of one with the first of the other.

    Raises
    ------
    StructureError
        If the structure is not periodic in three directions, has more than eight elements,
        or too many of them have equal numbers.
    """
    if not atoms.pbc.all():
        raise StructureError("only crystals, periodic in three directions, have prototypes")
    kinds, counts = np.unique(atoms.numbers, return_counts=True)
    order = sorted(zip(-counts, kinds.tolist(), strict=True))
    alike = [[kind for _, kind in group] for _, group in groupby(order, lambda at: at[0])]
    n_ways = prod(factorial(len(group)) for group in alike)
    if len(kinds) > len(ELEMENTS) or n_ways > LARGEST:
        raise StructureError(
            f"{atoms.symbols} has {len(kinds)} elements, exchanged in {n_ways} ways; "
            f"prototypes have at most {len(ELEMENTS)} elements and {LARGEST} ways"
        )
    found = []
    for way in product(*(permutations(group) for group in alike)):
        species = [kind for group in way for kind in group]
        blind = Atoms(
            [ELEMENTS[species.index(number)] for number in atoms.numbers],
            positions=atoms.positions,
            cell=atoms.cell,
            pbc=True,
        )
        scale = (VOLUME * len(atoms) / atoms.get_volume()) ** (1.0 / 3.0)
        blind.set_cell(scale * atoms.cell.array, scale_atoms=True)
        found.append(blind)
    return found
