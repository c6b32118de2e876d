"""Atoms that no network on these graphs can tell apart, merged into one.

A crystal has few kinds of atoms: spinel has 3 among 14. Atoms whose rows are equal, whose
neighbors' rows at equal distances are equal, and so on, have equal features in every
message passing network. One of them is enough, if it remembers how many it stands for.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

    from ase_orbital.graphs.crystal_graph import CrystalGraph

LENGTH_TOLERANCE = 1e-5  # Å; lengths in one crystal that differ by less are equal
MARK_TOLERANCE = 1e-4  # the same for marks, which are of the order of 1
N_MARKS = 6  # random projections that stand for an atom and all it sees


def merge_equivalent(graph: CrystalGraph) -> CrystalGraph:
    """Merge equivalent atoms, and edges of equal length between the same two kinds.

    Parameters
    ----------
    graph
        One crystal or a batch, nothing merged yet; on the CPU.

    Returns
    -------
    CrystalGraph
        With `atom_copies` and `edge_copies`. A model's prediction for it is that for the
        whole graph, up to rounding. Positions cannot be had back from it: `fractional`
        and `shift` are those of one of the merged.
    """
    kind = _kinds(graph)
    length = _split(graph.graph_index[graph.target], graph.distance, LENGTH_TOLERANCE)
    try:
        return _merge(graph, kind, length)
    except _LostReverseError as lost:
        # Lengths on the edge of the tolerance: in these crystals all atoms are kept.
        whole = torch.isin(graph.graph_index, lost.graphs)
        alone = kind.max() + 1 + torch.arange(len(kind))
        kind = _numbered(graph.graph_index, torch.where(whole, alone, kind))
        return _merge(graph, kind, length)


class _LostReverseError(Exception):
    """Merging left edges without their reverses, in these graphs."""

    def __init__(self, graphs: Tensor) -> None:
        self.graphs = graphs


def _merge(graph: CrystalGraph, kind: Tensor, length: Tensor) -> CrystalGraph:
    """Keep the first atom of each kind, and one of its edges to each kind and length."""
    atom, atom_copies = _first(kind)
    graph_index = graph.graph_index[atom]
    own = torch.isin(graph.target, atom)
    target, source, length = kind[graph.target[own]], kind[graph.source[own]], length[own]
    edge, edge_copies = _first(_numbered(target, source, length))
    target, source, length = target[edge], source[edge], length[edge]
    reverse_offset = None
    if graph.reverse_offset is not None:
        ends = torch.cat([target, source]), torch.cat([source, target])
        forward, backward = _numbered(*ends, length.repeat(2)).split(len(edge))
        lost = ~torch.isin(backward, forward)
        if lost.any():
            raise _LostReverseError(graph_index[target[lost]])
        # Edges are in the order of their numbers, so the reverse's number is its place.
        reverse_offset = backward - torch.arange(len(edge))
    return replace(
        graph,
        rows=graph.rows[atom],
        numbers=graph.numbers[atom],
        fractional=graph.fractional[atom],
        source=source,
        target=target,
        distance=graph.distance[own][edge],
        weight=graph.weight[own][edge],
        shift=graph.shift[own][edge],
        reverse_offset=reverse_offset,
        n_atoms=torch.bincount(graph_index, minlength=graph.n_graphs),
        n_edges=torch.bincount(graph_index[target], minlength=graph.n_graphs),
        atom_copies=atom_copies,
        edge_copies=edge_copies,
    )


def _kinds(graph: CrystalGraph) -> Tensor:
    """Kind of each atom, [n_atoms]; kinds are numbered graph by graph.

    Every atom gets a few random numbers that depend on its row, then, again and again, on
    those of its neighbors and their distances, until no round tells more atoms apart.
    """
    random = torch.Generator().manual_seed(0)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=random, dtype=torch.float64)

    distance, weight = graph.distance.double()[:, None], graph.weight.double()[:, None]
    mix, stretch = normal(N_MARKS, N_MARKS), normal(N_MARKS)
    marks = graph.rows.double() @ normal(graph.rows.shape[1], N_MARKS)
    kind, n_kinds = _numbered(graph.graph_index, graph.numbers), 0
    while n_kinds < (n_kinds := int(kind.max()) + 1):
        for mark in marks.T:
            kind = _split(kind, mark, MARK_TOLERANCE)
        # One mark for all of a kind, so that rounding does not grow from round to round.
        known = torch.cos(marks[_first(kind)[0]][kind] @ mix)
        seen = weight * torch.cos(stretch * distance + known[graph.source])
        marks = known.index_add(0, graph.target, seen)
    return kind


def _numbered(*keys: Tensor) -> Tensor:
    """One number for each combination of whole numbers, in their order, without gaps."""
    number = keys[0]
    for key in keys[1:]:
        joint = number * (key.max() + 1) + key if len(key) else key
        number = torch.unique(joint, return_inverse=True)[1]
    return number


def _split(kind: Tensor, value: Tensor, tolerance: float) -> Tensor:
    """Divide kinds wherever their members' values, in order, leave a gap."""
    order = value.argsort()
    order = order[kind[order].argsort(stable=True)]
    kind, value = kind[order], value[order]
    apart = (kind.diff() != 0) | (value.diff() > tolerance)
    number = torch.zeros_like(order)
    number[order[1:]] = apart.cumsum(0)
    return number


def _first(kind: Tensor) -> tuple[Tensor, Tensor]:
    """Index of the first of each kind, and how many there are."""
    copies = torch.bincount(kind)
    members = kind.argsort(stable=True)
    return members[copies.cumsum(0) - copies], copies
