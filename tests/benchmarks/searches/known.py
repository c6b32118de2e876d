"""Known structures, relaxed by a potential and kept in a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import read, write

from ase_orbital.files import atomic_write

from .relaxation import relax
from .systems import SYSTEMS

if TYPE_CHECKING:
    from pathlib import Path

FORCE = 0.02  # eV/Å


def known_structures(system: str, name: str, potential: Any, folder: Path) -> list[Atoms]:
    """Relax the known structures of a system once, and read them from then on."""
    path = folder / f"{system}-{name}.extxyz"
    if not path.is_file():
        relaxed = []
        for structure, make in SYSTEMS[system].known.items():
            atoms = make()
            atoms.info = {"structure": structure}
            relax(atoms, potential, steps=200, force=FORCE)
            energy = atoms.get_potential_energy()
            atoms.calc = SinglePointCalculator(atoms, energy=energy)
            relaxed.append(atoms)
        with atomic_write(path) as temporary:
            write(temporary, relaxed, format="extxyz")
    return list(read(path, index=":", format="extxyz"))


def ground_state(known: list[Atoms], formula: str) -> Atoms:
    """Return the structure of lowest energy among those that the cell can hold."""
    n_atoms = len(Atoms(formula))
    fitting = [atoms for atoms in known if n_atoms % len(atoms) == 0]
    return min(fitting, key=lambda atoms: atoms.get_potential_energy() / len(atoms))
