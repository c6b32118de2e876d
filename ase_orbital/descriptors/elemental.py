"""Chemical features of the elements, as in OCrystalNet; source in `elements.jarvis`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

import numpy as np

from ase_orbital.descriptors.base import Descriptor, check_elements
from ase_orbital.elements import jarvis_features
from ase_orbital.structure import to_atoms

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ase_orbital.neighbors.batch import NeighborBatch
    from ase_orbital.structure import AtomsLike


@final
@dataclass(frozen=True, kw_only=True)
class ElementalFeatures(Descriptor):
    """The 438 JARVIS features of each atom's element, standardized over the elements.

    A feature that JARVIS lacks for an element is 0, the mean of the others; see `missing`.
    """

    differentiable = True

    @property
    def n_features(self) -> int:
        """438."""
        return len(jarvis_features().keys)

    def _names(self) -> list[str]:
        return list(jarvis_features().keys)

    def features(self, batch: NeighborBatch) -> NDArray[np.floating[Any]]:
        """Look up standardized features, [n_inequivalent, 438]; without unit."""
        values = jarvis_features().values
        check_elements(batch, np.arange(len(values)) > 0, "row in the JARVIS table")
        return np.asarray(values[batch.numbers[batch.representative]])

    def missing(self, structure: AtomsLike) -> NDArray[np.bool_]:
        """Tell which features have no value and are therefore 0, [n_atoms, 438]."""
        return np.asarray(jarvis_features().missing[to_atoms(structure).numbers])
