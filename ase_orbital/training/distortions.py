"""Distorted copies of crystals, as relaxations and structure searches meet them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from ase import Atoms
    from numpy.typing import NDArray


def scaled(atoms: Atoms, change: float) -> Atoms:
    """Return a copy whose volume is changed by a fraction, such as -0.06."""
    return _deformed(atoms, (1.0 + change) ** (1.0 / 3.0) * np.eye(3))


def strained(atoms: Atoms, std: float, random: np.random.Generator) -> Atoms:
    """Return a copy with a random strain.

    The six components of the strain tensor are drawn from normal distributions with the
    standard deviation `std`.
    """
    upper = np.triu(random.normal(0.0, std, (3, 3)))
    return _deformed(atoms, np.eye(3) + upper + np.triu(upper, 1).T)


def rattled(atoms: Atoms, std: float, random: np.random.Generator) -> Atoms:
    """Return a copy with random displacements.

    Each coordinate moves by a normally distributed length with the standard deviation
    `std`, Å.
    """
    return _displaced(atoms, random.normal(0.0, std, (len(atoms), 3)))


def shifted_sublattices(atoms: Atoms, std: float, random: np.random.Generator) -> Atoms:
    """Return a copy in which the atoms of each element move together, as in `rattled`.

    These are displacements along optical phonons at the zone center.
    """
    _, element = np.unique(atoms.numbers, return_inverse=True)
    return _displaced(atoms, random.normal(0.0, std, (element.max() + 1, 3))[element])


def _deformed(atoms: Atoms, deformation: NDArray[Any]) -> Atoms:
    copy = atoms.copy()
    copy.set_cell(atoms.cell.array @ deformation, scale_atoms=True)
    return copy


def _displaced(atoms: Atoms, displacements: NDArray[Any]) -> Atoms:
    copy = atoms.copy()
    copy.positions += displacements
    return copy
