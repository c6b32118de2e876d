"""Covalent radii, the widths of the Gaussians in an overlap matrix."""

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
    """Radii the GOM is defined with, which are not those of ASE.

    Returns
    -------
    [113]
        Å, in the order of atomic numbers from 0; nan where there is none.
        Read-only.
    """
    known = {
        int(row["atomic_number"]): float(row["covalent_radius_angstrom"])
        for row in csv.DictReader(read_table(RADII).decode().splitlines())
    }
    radii = np.full(1 + max(known), np.nan)
    radii[list(known)] = list(known.values())
    radii.setflags(write=False)
    return radii
