"""Valence electron configurations, and their one-hot vectors.

Source: Pham et al., Sci. Technol. Adv. Mater. 18, 756 (2017),
doi:10.1080/14686996.2017.1378060.
"""

from __future__ import annotations

import csv
import re
from functools import cache
from typing import TYPE_CHECKING, Final

import numpy as np

from ase_orbital.elements.tables import read_table

if TYPE_CHECKING:
    from numpy.typing import NDArray

VALENCE: Final = "valence_configurations.csv"

CAPACITIES: Final = {"s": 2, "p": 6, "d": 10, "f": 14}
"""Number of electrons in a full subshell."""

ORBITALS: Final = tuple(
    f"{subshell}{electrons}"
    for subshell, capacity in CAPACITIES.items()
    for electrons in range(1, capacity + 1)
)
"""Labels of the 32 entries: a subshell and its number of electrons."""


@cache
def valence_configurations() -> dict[str, str]:
    """Return the ground state of each element up to Lr, such as `"[Ar] 3d6 4s2"` for Fe."""
    rows = csv.DictReader(read_table(VALENCE).decode().splitlines())
    return {row["symbol"]: row["configuration"] for row in rows}


@cache
def valence_vectors() -> NDArray[np.float64]:
    """Return one-hot vectors of all subshells outside the noble-gas core, [104, 32].

    Row Z belongs to atomic number Z and row 0 is zero; columns follow `ORBITALS`. The core
    is the noble gas before the element, so a noble gas keeps its outer shell: Fe has s2 and
    d6, Zn s2 and d10, Ne s2 and p6. The array is read-only.
    """
    configurations = valence_configurations().values()
    vectors = np.zeros((1 + len(configurations), len(ORBITALS)))
    for number, configuration in enumerate(configurations, start=1):
        for occupied in re.findall(r"\d([spdf]\d+)", configuration):
            vectors[number, ORBITALS.index(occupied)] = 1.0
    vectors.setflags(write=False)
    return vectors
