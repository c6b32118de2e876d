"""A crystal as tensors: what every model of this package computes on."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

import torch

from ase_orbital.errors import GraphError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self

    from torch import Tensor

# Which count cuts a field into graphs, and so how it is batched.
PER_ATOM = ("rows", "numbers", "fractional")
PER_EDGE = ("source", "target", "distance", "weight", "shift", "reverse_offset")
PER_GRAPH = ("lattice", "n_atoms", "n_edges")


@dataclass(frozen=True, kw_only=True, eq=False)
class CrystalGraph:
    """One crystal or a batch of them.

    An edge carries a message from its source, the neighbor, to its target, the center.
    Every image of a neighbor has an edge of its own. Edges are sorted by target.

    Parameters
    ----------
    rows : [n_atoms, n_features]
        Descriptor of each atom.
    numbers : [n_atoms]
        Atomic numbers.
    fractional : [n_atoms, 3]
        Positions in units of the lattice vectors.
    source, target : [n_edges]
        Atom indices, counted through the batch.
    distance : [n_edges]
        Å.
    weight : [n_edges]
        How much the edge counts: the occupation of the neighbor, or, where every edge has
        its reverse, the sum of the occupations seen from both ends.
    shift : [n_edges, 3]
        Lattice vectors to add to the source's position to get to the image meant.
    reverse_offset : [n_edges], optional
        Steps from an edge to the one that runs the other way; relative, so that it stays
        true in any batch.
    lattice : [n_graphs, 3, 3]
        Rows are lattice vectors, Å; unit vectors where there is no periodicity.
    n_atoms, n_edges : [n_graphs]
        Sizes of the members.
    """

    rows: Tensor
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

    @property
    def n_graphs(self) -> int:
        """How many crystals there are."""
        return len(self.n_atoms)

    @property
    def graph_index(self) -> Tensor:
        """Graph of each atom, [n_atoms]."""
        return torch.repeat_interleave(self.n_atoms, output_size=len(self.numbers))

    @property
    def degree(self) -> Tensor:
        """Edges into each atom, [n_atoms]."""
        return torch.bincount(self.target, minlength=len(self.numbers))

    @property
    def reverse(self) -> Tensor:
        """Index of each edge's reverse, [n_edges]."""
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
        """Move all tensors, and change the floating-point ones to `dtype`."""
        moved = {}
        for field in fields(self):
            tensor = getattr(self, field.name)
            if tensor is not None:
                kind = dtype if tensor.is_floating_point() else None
                moved[field.name] = tensor.to(device=device, dtype=kind)
        return replace(self, **moved)

    @staticmethod
    def batch(graphs: Sequence[CrystalGraph]) -> CrystalGraph:
        """Join graphs into one, in order.

        Raises
        ------
        GraphError
            If there are none, or only some have reverse edges.
        """
        if not graphs:
            raise GraphError("cannot make a batch of no graphs")
        if len({graph.reverse_offset is None for graph in graphs}) > 1:
            raise GraphError("some graphs have reverse edges and some have none")
        joined = {
            field.name: torch.cat([getattr(graph, field.name) for graph in graphs])
            for field in fields(CrystalGraph)
            if getattr(graphs[0], field.name) is not None
        }
        atoms_before = _before(torch.stack([graph.n_atoms.sum() for graph in graphs]))
        edges = torch.stack([graph.n_edges.sum() for graph in graphs])
        step = torch.repeat_interleave(atoms_before, edges)
        joined["source"] += step
        joined["target"] += step
        return CrystalGraph(**joined)

    def select(self, indices: Tensor) -> CrystalGraph:
        """Take members of a batch, in the order of `indices` ([n] whole numbers)."""
        atoms = _spans(self.n_atoms, indices)
        edges = _spans(self.n_edges, indices)
        taken = {name: getattr(self, name)[atoms] for name in PER_ATOM}
        taken |= {name: getattr(self, name)[indices] for name in PER_GRAPH}
        taken |= {
            name: getattr(self, name)[edges]
            for name in PER_EDGE
            if getattr(self, name) is not None
        }
        step = _before(taken["n_atoms"]) - _before(self.n_atoms)[indices]
        step = torch.repeat_interleave(step, taken["n_edges"])
        return CrystalGraph(
            **taken | {"source": taken["source"] + step, "target": taken["target"] + step}
        )

    def unbatch(self) -> list[CrystalGraph]:
        """Take a batch apart into its members."""
        return [
            self.select(torch.tensor([index], device=self.n_atoms.device))
            for index in range(self.n_graphs)
        ]


def _before(counts: Tensor) -> Tensor:
    """How many come before each member."""
    return counts.cumsum(0) - counts


def _spans(counts: Tensor, indices: Tensor) -> Tensor:
    """Indices of everything the chosen members have, member by member."""
    chosen = counts[indices]
    start = _before(counts)[indices] - _before(chosen)
    spans = torch.repeat_interleave(start, chosen)
    return spans + torch.arange(len(spans), device=spans.device)
