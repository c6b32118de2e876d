"""Chemical features of the elements from JARVIS.

Source: Choudhary et al., Phys. Rev. Mater. 2, 083801 (2018),
doi:10.1103/PhysRevMaterials.2.083801; file `jarvis/core/Elements.json` of jarvis-tools.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from io import BytesIO
from typing import TYPE_CHECKING, Final, final

import numpy as np

from ase_orbital.elements.tables import provenance, read_table

if TYPE_CHECKING:
    from numpy.typing import NDArray

JARVIS: Final = "jarvis_features.npz"


@final
@dataclass(frozen=True, eq=False)
class ElementalTable:
    """Standardized features of the elements; all arrays are read-only.

    Parameters
    ----------
    values : [104, n_features]
        Row Z belongs to atomic number Z; row 0 is empty. Each column has mean 0 and
        standard deviation 1 over the elements that have the feature, or is 0 if they all
        agree. Missing values are 0. No unit.
    missing : [104, n_features]
        Whether the source has no value.
    keys : n_features
        Names of the columns.
    mean, scale : [n_features]
        `values * scale + mean` is in the units of the source.
    source
        Package and version.
    checksum
        SHA-256 of the file.
    """

    values: NDArray[np.float64]
    missing: NDArray[np.bool_]
    keys: tuple[str, ...]
    mean: NDArray[np.float64]
    scale: NDArray[np.float64]
    source: str
    checksum: str


@cache
def jarvis_features() -> ElementalTable:
    """Return 438 features of each element from H to Lr.

    For 21 elements (Xe, Pm, Eu, Po, and At to Lr except Th and U), the source contains
    little more than `X`, `Z` and `atom_mass`; the rest is missing.
    """
    with np.load(BytesIO(read_table(JARVIS)), allow_pickle=False) as table:
        raw, keys, mean, scale = (table[name] for name in ("raw", "keys", "mean", "scale"))
    missing = np.isnan(raw)
    values = np.where(missing, 0.0, (raw - mean) / scale)
    for array in (values, missing, mean, scale):
        array.setflags(write=False)
    origin = provenance()[JARVIS]
    return ElementalTable(
        values,
        missing,
        tuple(keys.tolist()),
        mean,
        scale,
        f"jarvis-tools {origin.version}",
        origin.sha256,
    )
