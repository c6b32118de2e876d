"""Chemical features of the elements as node rows.

Source: OCrystalNet's elemental features, the 438 of JARVIS; see `elements.jarvis`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

import numpy as np

from ase_orbital.descriptors.base import Descriptor
from ase_orbital.elements import jarvis_features, require
from ase_orbital.structure import to_atoms

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ase_orbital.neighbors.batch import Surroundings
    from ase_orbital.structure import AtomsLike


@final
@dataclass(frozen=True, kw_only=True)
class ElementalFeatures(Descriptor):
    """The 438 JARVIS features of each atom's element, standardized over the elements.

    A feature that JARVIS does not have for an element is 0, the mean of the others;
    `missing` tells where.
    """

    @property
    def n_features(self) -> int:
        """438."""
        return len(jarvis_features().keys)

    def features(self, structures: list[Surroundings]) -> list[NDArray[np.floating[Any]]]:
        """Standardized features, as [n_orbits, 438] for each structure; no unit."""
        values = jarvis_features().values
        known = np.arange(len(values)) > 0
        for around in structures:
            require(around.atoms.numbers, known, "row in the JARVIS table")
        return [values[around.atoms.numbers[around.orbits.first]] for around in structures]

    def missing(self, structure: AtomsLike) -> NDArray[np.bool_]:
        """Where a feature has no value and 0 stands for it, [n_atoms, 438]."""
        missing: NDArray[np.bool_] = jarvis_features().missing[to_atoms(structure).numbers]
        return missing
