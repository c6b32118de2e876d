"""One-hot vectors of the elements."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

import numpy as np

from ase_orbital.descriptors.base import MOST_FEATURES, Descriptor, check_elements
from ase_orbital.elements import SYMBOLS
from ase_orbital.errors import check_whole

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ase_orbital.neighbors.batch import NeighborBatch


@final
@dataclass(frozen=True, kw_only=True)
class OneHot(Descriptor):
    """One-hot vector of the atomic number.

    Parameters
    ----------
    size
        Number of features. Feature Z belongs to atomic number Z, so feature 0 is always 0.
        The EOSNet code uses 113.

    Raises
    ------
    SettingError
        If `size` is below 2 or above 100,000.
    """

    size: int = 113

    differentiable = True

    def __post_init__(self) -> None:
        """Validate the settings."""
        check_whole("size", self.size, 2, MOST_FEATURES)  # for hydrogen

    @property
    def n_features(self) -> int:
        """`size`."""
        return self.size

    def _names(self) -> list[str]:
        return [SYMBOLS[z] if 0 < z < len(SYMBOLS) else f"Z={z}" for z in range(self.size)]

    def features(self, batch: NeighborBatch) -> NDArray[np.floating[Any]]:
        """Compute zeros and a one for each atom, [n_inequivalent, size]."""
        known = np.arange(self.size) > 0
        check_elements(batch, known, f"place in a one-hot row of {self.size}")
        return np.eye(self.size)[batch.numbers[batch.representative]]
