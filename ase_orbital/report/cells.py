"""Cells of structures as plain numbers, to be drawn in three dimensions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from ase.data import covalent_radii
from ase.data.colors import jmol_colors

from ase_orbital.elements import SYMBOLS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ase import Atoms

MOST_ATOMS = 300  # larger cells are slow to draw


def cell_of(atoms: Atoms) -> dict[str, Any] | None:
    """Return atomic numbers, fractional coordinates, cell (Å) and periodicity.

    None for more than 300 atoms.
    """
    if len(atoms) > MOST_ATOMS:
        return None
    cell = np.eye(3)
    fractions = atoms.positions
    if atoms.pbc.any():
        cell = atoms.cell.complete().array
        fractions = np.linalg.solve(cell.T, atoms.positions.T).T
        fractions[:, atoms.pbc] %= 1.0
    return {
        "numbers": atoms.numbers.tolist(),
        "fractions": np.round(fractions, 4).tolist(),
        "cell": np.round(cell, 4).tolist(),
        "pbc": atoms.pbc.tolist(),
    }


def elements_of(cells: Iterable[dict[str, Any]]) -> dict[int, dict[str, Any]]:
    """Return symbol, color and covalent radius (Å) of all elements, by atomic number."""
    return {
        number: {
            "symbol": SYMBOLS[number],
            "color": "#"
            + "".join(f"{round(255 * part):02x}" for part in jmol_colors[number]),
            "radius": round(float(covalent_radii[number]), 2),
        }
        for number in sorted({number for cell in cells for number in cell["numbers"]})
    }
