"""Chemical features of the elements, as JARVIS tabulates them.

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
        Row Z belongs to the element with that atomic number, row 0 to none. Each column
        has mean 0 and standard deviation 1 over the elements that have the feature, or
        is 0 throughout where they agree. No unit. Missing values are 0.
    missing : [104, n_features]
        Where there is no value.
    keys : n_features
        Names of the columns.
    mean, scale : [n_features]
        What turns a column back into the source's units: `values * scale + mean`.
    source
        Package and version the features come from.
    checksum
        SHA-256 of the table's file.
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
    """438 features of each element from H to Lr.

    Of 21 elements, Xe, Pm, Eu, Po and those from At to Lr except Th and U, the source
    knows little but `X`, `Z` and `atom_mass`; the rest is missing.
    """
    with np.load(BytesIO(read_table(JARVIS)), allow_pickle=False) as table:
        raw, keys = table["raw"], table["keys"]
        mean, scale = table["mean"], table["scale"]
    missing = np.isnan(raw)
    values = np.where(missing, 0.0, (raw - mean) / scale)
    for array in (values, missing, mean, scale):
        array.setflags(write=False)
    origin = provenance()[JARVIS]
    return ElementalTable(
        values=values,
        missing=missing,
        keys=tuple(keys.tolist()),
        mean=mean,
        scale=scale,
        source=f"jarvis-tools {origin.version}",
        checksum=origin.sha256,
    )
