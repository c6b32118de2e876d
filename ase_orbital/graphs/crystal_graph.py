"""Crystal graphs of plain tensors, which are the input of all models of this package."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch

from ase_orbital.errors import GraphError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self

    from torch import Tensor

PER_ATOM = ("features", "numbers", "fractional", "atom_copies")
PER_GRAPH = ("lattice", "n_atoms", "n_edges")  # all other fields have a value per edge
OPTIONAL = {
    "reverse_offset": "reverse edges",
    "atom_copies": "merged atoms",
    "edge_copies": "merged edges",
}


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class CrystalGraph:
    """Graph of one crystal or of a batch of crystals.

    An edge carries a message from its source, the neighbor, to its target, the center.
    Every periodic image of a neighbor has its own edge. Edges are sorted by target.

    Parameters
    ----------
    features : [n_atoms, n_features]
        Features of each atom from a descriptor.
    numbers : [n_atoms]
        Atomic numbers.
    fractional : [n_atoms, 3]
        Positions in units of the lattice vectors.
    source, target : [n_edges]
        Atom indices within the batch.
    distance : [n_edges]
        Length of each edge in Å.
    weight : [n_edges]
        Weight of the neighbor; in a symmetric graph, the sum for both directions.
    shift : [n_edges, 3]
        Lattice vectors that are added to the source's position to reach the image.
    reverse_offset : [n_edges], optional
        Offset from the index of an edge to that of its reverse, valid in any batch.
    lattice : [n_graphs, 3, 3]
        Rows are lattice vectors in Å, or unit vectors along non-periodic directions.
    n_atoms, n_edges : [n_graphs]
        Numbers of atoms and edges of each graph.
    atom_copies : [n_atoms], optional
        Number of equivalent atoms that each atom represents; see `converters.build_batch`.
    edge_copies : [n_edges], optional
        Number of equivalent edges to the target that each edge represents.
    """

    features: Tensor
    numbers: Tensor
    fractional: Tensor
    source: Tensor
    target: Tensor
    distance: Tensor
    weight: Tensor
    shift: Tensor
    lattice: Tensor
    n_atoms: Tensor
    n_edges: Tensor
    reverse_offset: Tensor | None = None
    atom_copies: Tensor | None = None
    edge_copies: Tensor | None = None

    def __repr__(self) -> str:
        return (
            f"CrystalGraph({self.n_graphs} crystals, {len(self.numbers)} atoms with "
            f"{self.features.shape[1]} features, {len(self.source)} edges)"
        )

    @property
    def n_graphs(self) -> int:
        """Number of crystals in the batch."""
        return len(self.n_atoms)

    @property
    def graph_index(self) -> Tensor:
        """Graph of each atom, [n_atoms]."""
        return torch.repeat_interleave(self.n_atoms, output_size=len(self.numbers))

    @property
    def degree(self) -> Tensor:
        """Number of edges to each atom, [n_atoms]."""
        return torch.bincount(self.target, minlength=len(self.numbers))

    @property
    def sizes(self) -> Tensor:
        """Number of atoms in each cell before merging, [n_graphs]."""
        if self.atom_copies is None:
            return self.n_atoms
        sizes = torch.zeros_like(self.n_atoms)
        return sizes.index_add(0, self.graph_index, self.atom_copies)

    def check_unmerged(self) -> None:
        """Raise GraphError if equivalent atoms are merged."""
        if self.atom_copies is not None or self.edge_copies is not None:
            raise GraphError(
                "equivalent atoms of this graph are merged, which only models of this "
                "package understand; build it with merged=False"
            )

    @property
    def total_weight(self) -> Tensor:
        """Weight of each edge times its number of copies, [n_edges]."""
        return self.weight if self.edge_copies is None else self.weight * self.edge_copies

    @property
    def reverse(self) -> Tensor:
        """Index of the reverse of each edge, [n_edges]."""
        if self.reverse_offset is None:
            raise GraphError(
                "this graph's edges have no reverse; build it with symmetric=True, or with "
                "the model's own graph_converter()"
            )
        index = torch.arange(len(self.source), device=self.source.device)
        return index + self.reverse_offset

    def to(
        self, device: torch.device | str | None = None, dtype: torch.dtype | None = None
    ) -> Self:
        """Move all tensors to a device, and convert floating-point tensors to `dtype`.

        As in torch, the graph itself is returned if nothing changes.
        """
        same_device = device is not None and torch.device(device) == self.features.device
        if same_device and dtype is None:
            return self
        moved = {
            name: tensor.to(device, dtype if tensor.is_floating_point() else None)
            for name, tensor in self._tensors().items()
        }
        return replace(self, **moved)

    def _tensors(self) -> dict[str, Tensor]:
        """Return the fields that are not None."""
        return {name: tensor for name, tensor in vars(self).items() if tensor is not None}

    @staticmethod
    def batch(graphs: Sequence[CrystalGraph]) -> CrystalGraph:
        """Concatenate graphs to one batch.

        Raises
        ------
        GraphError
            If `graphs` is empty, or if only some of them have an optional field.
        """
        if not graphs:
            raise GraphError("cannot make a batch of no graphs")
        for name, what in OPTIONAL.items():
            if len({getattr(graph, name) is None for graph in graphs}) > 1:
                raise GraphError(f"some graphs have {what} and some have none")
        joined = {
            name: torch.cat([getattr(graph, name) for graph in graphs])
            for name in graphs[0]._tensors()
        }
        atoms_before = _before(torch.stack([graph.n_atoms.sum() for graph in graphs]))
        edges = torch.stack([graph.n_edges.sum() for graph in graphs])
        step = torch.repeat_interleave(atoms_before, edges)
        joined["source"] += step
        joined["target"] += step
        return replace(graphs[0], **joined)

    def select(self, indices: Tensor) -> CrystalGraph:
        """Select members of a batch in the order of `indices`, [n_selected]."""
        members = dict.fromkeys(PER_ATOM, _spans(self.n_atoms, indices))
        members |= dict.fromkeys(PER_GRAPH, indices)
        edges = _spans(self.n_edges, indices)
        taken = {
            name: tensor[members.get(name, edges)]
            for name, tensor in self._tensors().items()
        }
        step = _before(taken["n_atoms"]) - _before(self.n_atoms)[indices]
        step = torch.repeat_interleave(step, taken["n_edges"])
        taken["source"] += step
        taken["target"] += step
        return replace(self, **taken)

    def unbatch(self) -> list[CrystalGraph]:
        """Split a batch into its members."""
        return [
            self.select(torch.tensor([index], device=self.n_atoms.device))
            for index in range(self.n_graphs)
        ]


def _before(counts: Tensor) -> Tensor:
    """Sum of the counts before each member."""
    return counts.cumsum(0) - counts


def _spans(counts: Tensor, indices: Tensor) -> Tensor:
    """Indices of all entries of the selected members."""
    chosen = counts[indices]
    start = _before(counts)[indices] - _before(chosen)
    spans = torch.repeat_interleave(start, chosen)
    return spans + torch.arange(len(spans), device=spans.device)
