"""How a model turns structures into the graphs that its network takes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ase_orbital.errors import ModelError
from ase_orbital.graphs.converters import build_batch

if TYPE_CHECKING:
    import torch
    from ase import Atoms

    from ase_orbital.descriptors.base import Descriptor
    from ase_orbital.graphs.connectivity import Connectivity
    from ase_orbital.graphs.crystal_graph import CrystalGraph


@dataclass(frozen=True)
class Featurization:
    """Descriptor and connectivity; models in which they are equal take the same graphs."""

    descriptor: Descriptor
    connectivity: Connectivity

    def with_precision(self, dtype: torch.dtype) -> Featurization:
        """Return a copy whose descriptor computes in a precision, on the CPU."""
        descriptor = self.descriptor.with_precision(str(dtype).removeprefix("torch."))
        return replace(self, descriptor=descriptor)

    def batch(self, structures: list[Atoms], dtype: torch.dtype) -> CrystalGraph:
        """Make one graph of all structures, with one node for equivalent atoms."""
        return build_batch(structures, self.descriptor, self.connectivity, dtype)


def check_features(features: torch.Tensor, n_features: int) -> None:
    """Raise ModelError unless a graph has the number of features that a model takes."""
    if features.shape[1] != n_features:
        raise ModelError(
            f"this model takes {n_features} features for each atom, and the graph has "
            f"{features.shape[1]}; make it with the model's graph_converter()"
        )
