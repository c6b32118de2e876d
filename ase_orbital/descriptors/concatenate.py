"""Concatenation of descriptors."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any, final

import numpy as np
import torch

from ase_orbital.descriptors.base import Descriptor
from ase_orbital.errors import SettingError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from ase_orbital.neighbors.batch import NeighborBatch


@final
class Concatenate(Descriptor):
    """Concatenated features of several descriptors.

    Parameters
    ----------
    parts
        At least one descriptor, or a SettingError is raised.
    """

    def __init__(self, *parts: Descriptor) -> None:
        if not parts:
            raise SettingError("give at least one descriptor to concatenate")
        for part in parts:
            if not isinstance(part, Descriptor):
                raise SettingError(
                    f"{part!r} is not a descriptor; give them one by one, such as "
                    "Concatenate(OFM(), GOM())"
                )
        self.parts = parts
        self.cutoff = max(part.cutoff for part in parts)
        self.differentiable = all(part.differentiable for part in parts)
        self._max_atoms = min(part._max_atoms for part in parts)  # type: ignore[misc]
        if all(part.dtype == "float32" for part in parts):
            self.dtype = "float32"

    @property
    def n_features(self) -> int | None:
        """Sum over the parts; None where one of them depends on the structure."""
        widths = [part.n_features for part in self.parts]
        return None if None in widths else sum(width for width in widths if width)

    def _names(self) -> list[str]:
        names = [part.feature_names() for part in self.parts]
        together = list(chain(*names))
        if len(set(together)) == len(together):
            return together
        return [  # parts of one kind, such as GOM with two cutoffs
            f"{name} ({number})" for number, own in enumerate(names, 1) for name in own
        ]

    def features(self, batch: NeighborBatch) -> NDArray[np.floating[Any]]:
        """Compute the features of all parts, [n_inequivalent, n_features]."""
        return np.concatenate([part.features(batch) for part in self.parts], axis=1)

    def lengths(self, batch: NeighborBatch) -> NDArray[np.int64]:
        """Count the features of each structure in each part, [n_structures, n_blocks]."""
        return np.concatenate([part.lengths(batch) for part in self.parts], axis=1)

    def differentiable_features(self, batch: NeighborBatch, vectors: Tensor) -> Tensor:
        """Compute the features for autograd, [n_atoms, n_features]."""
        parts = [part.differentiable_features(batch, vectors) for part in self.parts]
        return torch.cat(parts, dim=1)

    def check_differentiable(self) -> None:
        """Raise SettingError if a part has no derivatives."""
        for part in self.parts:
            part.check_differentiable()

    def with_precision(self, dtype: str) -> Concatenate:
        """Return a copy whose parts have another `dtype`."""
        return Concatenate(*(part.with_precision(dtype) for part in self.parts))

    def _settings(self) -> dict[str, Any]:
        return {"parts": [part.to_settings() for part in self.parts]}

    @classmethod
    def _from_values(cls, values: dict[str, Any]) -> Descriptor:
        return cls(*map(Descriptor.from_settings, values["parts"]))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Concatenate) and self.parts == other.parts

    def __hash__(self) -> int:
        return hash((Concatenate, self.parts))

    def __repr__(self) -> str:
        return f"Concatenate({', '.join(map(repr, self.parts))})"
