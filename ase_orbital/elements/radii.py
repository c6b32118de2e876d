"""Covalent radii, which are the widths of the Gaussians in an overlap matrix."""

from __future__ import annotations

import csv
from functools import cache
from typing import TYPE_CHECKING, Final

import numpy as np

from ase_orbital.elements.tables import read_table

if TYPE_CHECKING:
    from numpy.typing import NDArray

RADII: Final = "covalent_radii.csv"


@cache
def covalent_radii() -> NDArray[np.float64]:
    """Return the radii that define the GOM, [113], in Å. They are not those of ASE.

    They are ordered by atomic number from 0, read-only, and nan for unknown radii.
    """
    known = {
        int(row["atomic_number"]): float(row["covalent_radius_angstrom"])
        for row in csv.DictReader(read_table(RADII).decode().splitlines())
    }
    radii = np.full(1 + max(known), np.nan)
    radii[list(known)] = list(known.values())
    radii.setflags(write=False)
    return radii
