"""Chemical features of the elements.

Source: the elemental features of OCrystalNet, the 438 of JARVIS; see `elements.jarvis`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

import numpy as np

from ase_orbital.descriptors.base import Descriptor, check_elements
from ase_orbital.elements import jarvis_features
from ase_orbital.structure import to_atoms

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from ase_orbital.neighbors.batch import NeighborBatch
    from ase_orbital.structure import AtomsLike


@final
@dataclass(frozen=True, kw_only=True)
class ElementalFeatures(Descriptor):
    """The 438 JARVIS features of each atom's element, standardized over the elements.

    A feature that JARVIS lacks for an element is 0, the mean over the others; `missing`
    tells which these are.
    """

    differentiable = True

    @property
    def n_features(self) -> int:
        """438."""
        return len(jarvis_features().keys)

    def features(self, batch: NeighborBatch) -> NDArray[np.floating[Any]]:
        """Look up standardized features, [n_inequivalent, 438]; without unit."""
        values = jarvis_features().values
        check_elements(batch, np.arange(len(values)) > 0, "row in the JARVIS table")
        return np.asarray(values[batch.numbers[batch.representative]])

    def differentiable_features(self, batch: NeighborBatch, vectors: Tensor) -> Tensor:
        """Return the features, which do not depend on the vectors."""
        return vectors.new_tensor(self.features(batch))

    def missing(self, structure: AtomsLike) -> NDArray[np.bool_]:
        """Whether each feature has no value, so that it is 0, [n_atoms, 438]."""
        missing: NDArray[np.bool_] = jarvis_features().missing[to_atoms(structure).numbers]
        return missing
