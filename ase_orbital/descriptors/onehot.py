"""One-hot vectors of the element."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

import numpy as np

from ase_orbital.descriptors.base import Descriptor
from ase_orbital.elements import require
from ase_orbital.errors import SettingError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ase_orbital.neighbors.batch import Surroundings


@final
@dataclass(frozen=True, kw_only=True)
class OneHot(Descriptor):
    """A one at the place of the atomic number.

    Parameters
    ----------
    size
        Length of a row; place Z for atomic number Z, so place 0 stays empty. 113 is the
        EOSnet code's.
    """

    size: int = 113

    def __post_init__(self) -> None:
        """Refuse settings that mean nothing."""
        if self.size < 2:
            raise SettingError(f"size must be at least 2, for hydrogen, not {self.size}")

    @property
    def n_features(self) -> int:
        """`size`."""
        return self.size

    def features(self, structures: list[Surroundings]) -> list[NDArray[np.floating[Any]]]:
        """Zeros and a one, as [n_orbits, size] for each structure."""
        known = np.arange(self.size) > 0
        identity = np.eye(self.size)
        for around in structures:
            require(around.atoms.numbers, known, f"place in a one-hot row of {self.size}")
        return [
            identity[around.atoms.numbers[around.orbits.first]] for around in structures
        ]
