"""Known phases to compare energies with: elements and common compounds.

The elements are those of `ase.collections.dcdft`, completed with lanthanides, actinides,
alpha-manganese and alpha-sulfur. Compounds have the structure of an AFLOW prototype, as
pymatgen has them (Mehl et al., Comput. Mater. Sci. 136, S1, 2017), with its label in
`info["prototype"]`. They are those with two or three elements that are stable in the
Materials Project of 2018 and 2019 (CC BY 4.0), those of other data sets that are nearly so
by a predicted energy, and some others; their volumes are from these data. A file has the
elements and prototypes, and a table the compounds: prototype, elements in the order of its
letters, and volume per atom in Å^3. `pretrained/reference_phases.py` makes both.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers
from ase.io import read

FILE = Path(__file__).with_name("reference_phases.extxyz")
COMPOUNDS = FILE.with_suffix(".csv")


def reference_phases() -> list[Atoms]:
    """Return the phases that a `Hull` compares with by default, 94 of elements first.

    They are not relaxed; a `Hull` relaxes those that it needs.

    Examples
    --------
    >>> hull = Hull(potential, [*reference_phases(), my_phase])
    """
    frames: list[Atoms] = read(FILE, ":", format="extxyz")
    phases = [atoms for atoms in frames if len(set(atoms.numbers)) == 1]
    others = frames[len(phases) :]
    prototypes = {atoms.info["prototype"]: _Prototype(atoms) for atoms in others}
    with COMPOUNDS.open(newline="", encoding="utf-8") as file:
        for name, elements, volume in csv.reader(file):
            phases.append(prototypes[name].compound(elements.split("-"), float(volume)))
    return phases


class _Prototype:
    """A crystal with letters instead of elements, and with a volume of 1 Å^3 per atom."""

    def __init__(self, atoms: Atoms) -> None:
        symbols = list(atoms.symbols)
        letters = sorted(set(symbols))
        self.letter = np.array([letters.index(symbol) for symbol in symbols])
        scale = (len(atoms) / atoms.get_volume()) ** (1.0 / 3.0)
        self.cell, self.positions = scale * atoms.cell.array, scale * atoms.positions
        # Where a label has several prototypes, a number follows it from the second on.
        self.label = atoms.info["prototype"].partition(" ")[0]

    def compound(self, symbols: list[str], volume: float) -> Atoms:
        """Give it elements, in the order of the letters, and a volume per atom (Å^3)."""
        numbers = np.array([atomic_numbers[symbol] for symbol in symbols])[self.letter]
        edge = volume ** (1.0 / 3.0)
        atoms = Atoms(numbers, edge * self.positions, cell=edge * self.cell, pbc=True)
        atoms.info["prototype"] = self.label
        return atoms
