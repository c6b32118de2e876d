"""From Atoms to a CrystalGraph."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, final

import numpy as np
import torch

from ase_orbital.errors import SettingError
from ase_orbital.graphs.crystal_graph import CrystalGraph
from ase_orbital.neighbors.pairs import Pairs, find_pairs
from ase_orbital.neighbors.selection import nearest, occupations
from ase_orbital.structure import lattice

if TYPE_CHECKING:
    from ase import Atoms
    from numpy.typing import NDArray

    from ase_orbital.descriptors.base import Descriptor


class Edges(NamedTuple):
    """Weighted pairs of one structure; fields as in CrystalGraph."""

    target: NDArray[np.int64]
    source: NDArray[np.int64]
    shift: NDArray[np.int32]
    distance: NDArray[np.float64]
    weight: NDArray[np.float64]
    reverse_offset: NDArray[np.int64] | None


@final
@dataclass(frozen=True, kw_only=True)
class Connectivity:
    """Which atoms are joined by edges.

    Parameters
    ----------
    radius
        Of the search. Å.
    n_neighbors
        Neighbors of each atom.
    smoothing
        Neighbors are counted by occupation, with a transition this wide (Å); None for
        exactly the nearest, as the published codes have it.
    symmetric
        Give every edge its reverse.
    """

    radius: float
    n_neighbors: int
    smoothing: float | None = 0.1
    symmetric: bool = False

    def __post_init__(self) -> None:
        """Refuse settings that mean nothing."""
        for name in ("radius", "n_neighbors"):
            if not getattr(self, name) > 0:
                raise SettingError(f"{name} must be above zero, not {getattr(self, name)}")
        if self.smoothing is not None and not 0.0 < self.smoothing < self.radius:
            raise SettingError(
                f"smoothing must be a length in Å between 0 and the radius, or None, "
                f"not {self.smoothing}"
            )

    def edges(self, atoms: Atoms) -> Edges:
        """Edges of one structure, sorted by target and distance."""
        pairs = find_pairs(atoms, self.radius)
        if self.smoothing is None:
            weight = nearest(pairs, k=self.n_neighbors)
        else:
            weight = occupations(
                pairs, k=self.n_neighbors, smoothing=self.smoothing, radius=self.radius
            )
        reverse = None
        if self.symmetric:
            reverse = _reverse(pairs)
            weight = weight + weight[reverse]
        kept = np.flatnonzero(weight > 0.0)
        offset = None
        if reverse is not None:
            # Rank among the kept; an edge and its reverse are kept together.
            rank = np.cumsum(weight > 0.0) - 1
            offset = rank[reverse[kept]] - np.arange(len(kept))
        return Edges(
            target=pairs.center[kept],
            source=pairs.neighbor[kept],
            shift=pairs.shift[kept],
            distance=pairs.distance[kept],
            weight=weight[kept],
            reverse_offset=offset,
        )


def _reverse(pairs: Pairs) -> NDArray[np.int64]:
    """Index of (j, i, -S) for each pair (i, j, S)."""
    forward = np.lexsort((*pairs.shift.T, pairs.neighbor, pairs.center))
    backward = np.lexsort((*-pairs.shift.T, pairs.center, pairs.neighbor))
    reverse = np.empty_like(forward)
    reverse[forward] = backward
    return reverse


def build_graphs(
    structures: list[Atoms],
    descriptor: Descriptor,
    connectivity: Connectivity,
    dtype: torch.dtype = torch.float32,
) -> list[CrystalGraph]:
    """Graphs of structures that passed `to_atoms`, in input order.

    Parameters
    ----------
    structures
        Described together, so that work can be shared.
    descriptor
        Gives the rows of the atoms.
    connectivity
        Gives the edges.
    dtype
        Of the floating-point tensors.
    """
    all_rows = descriptor.rows(structures)
    return [
        _graph(atoms, rows, connectivity.edges(atoms), dtype)
        for atoms, rows in zip(structures, all_rows, strict=True)
    ]


def _graph(
    atoms: Atoms, rows: NDArray[np.floating[Any]], edges: Edges, dtype: torch.dtype
) -> CrystalGraph:
    cell = lattice(atoms)

    def real(array: NDArray[np.floating[Any]]) -> torch.Tensor:
        return torch.as_tensor(array).to(dtype)

    def whole(array: NDArray[np.integer[Any]]) -> torch.Tensor:
        return torch.as_tensor(array, dtype=torch.int64)

    return CrystalGraph(
        rows=real(rows),
        numbers=whole(atoms.numbers),
        fractional=real(np.linalg.solve(cell.T, atoms.positions.T).T),
        source=whole(edges.source),
        target=whole(edges.target),
        distance=real(edges.distance),
        weight=real(edges.weight),
        shift=whole(edges.shift),
        reverse_offset=None
        if edges.reverse_offset is None
        else whole(edges.reverse_offset),
        lattice=real(cell)[None],
        n_atoms=torch.tensor([len(atoms)]),
        n_edges=torch.tensor([len(edges.source)]),
    )
