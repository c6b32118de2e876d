"""Several descriptors side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, final

import numpy as np

from ase_orbital.descriptors.base import Descriptor
from ase_orbital.errors import SettingError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ase_orbital.neighbors.batch import Surroundings


@final
class Concatenate(Descriptor):
    """Rows of several descriptors, one behind the other.

    Parameters
    ----------
    parts
        In the order of their columns.
    """

    def __init__(self, *parts: Descriptor) -> None:
        if not parts:
            raise SettingError("give at least one descriptor to concatenate")
        self.parts = parts
        if all(part.dtype == "float32" for part in parts):
            self.dtype = "float32"

    @property
    def n_features(self) -> int | None:
        """Sum over the parts; None where one of them depends on the structure."""
        widths = [part.n_features for part in self.parts]
        return None if None in widths else sum(width for width in widths if width)

    @property
    def reach(self) -> float:
        """Largest of the parts'. Å."""
        return max(part.reach for part in self.parts)

    def features(self, structures: list[Surroundings]) -> list[NDArray[np.floating[Any]]]:
        """Rows side by side, as [n_orbits, n_features] for each structure."""
        columns = zip(*(part.features(structures) for part in self.parts), strict=True)
        return [np.concatenate(blocks, axis=1) for blocks in columns]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Concatenate) and self.parts == other.parts

    def __hash__(self) -> int:
        return hash((Concatenate, self.parts))

    def __repr__(self) -> str:
        return f"Concatenate({', '.join(map(repr, self.parts))})"
