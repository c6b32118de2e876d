"""Make the edges of crystal graphs."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, NamedTuple, final

import numpy as np

from ase_orbital.errors import SettingError, check_whole
from ase_orbital.neighbors.batch import NO_EXTENSION, Extension, check_cutoff
from ase_orbital.neighbors.soft_nearest import nearest, neighbor_weight, soft_cutoff
from ase_orbital.numerics.jit import compiled, inner

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ase_orbital.neighbors.batch import NeighborBatch

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]


class Edges(NamedTuple):
    """Nodes and edges of the graphs of a batch; see `CrystalGraph`.

    Parameters
    ----------
    atom : [n_nodes]
        Atom of the batch that each node represents.
    n_atoms, n_edges : [n_structures]
        Number of nodes and edges of each structure.
    pair : [n_edges]
        Pair of the batch from which each edge is made.
    atom_copies, target, source, distance, weight, reverse_offset, edge_copies
        As in `CrystalGraph`; target and source are nodes.
    """

    atom: Integers
    atom_copies: Integers
    n_atoms: Integers
    n_edges: Integers
    pair: Integers
    target: Integers
    source: Integers
    distance: Floats
    weight: Floats
    reverse_offset: Integers
    edge_copies: Integers


@final
@dataclass(frozen=True, kw_only=True)
class Connectivity:
    """Rule for the edges of a crystal graph.

    Each atom has edges from its nearest neighbors. With a `smoothing`, neighbors have
    weights between 0 and 1 that add up to `n_neighbors`, so that the graph is a continuous
    function of the positions; see `neighbors.soft_nearest`.

    Parameters
    ----------
    radius
        Neighbors are searched up to this distance. Å.
    n_neighbors
        Number of neighbors of each atom.
    smoothing
        Width of the transition from weight 1 to weight 0. Å. None for exactly the nearest
        neighbors, as in the published codes.
    symmetric
        Whether every edge has a reverse edge, as OCrystalNet needs.

    Raises
    ------
    SettingError
        If a setting is invalid.
    """

    radius: float
    n_neighbors: int
    smoothing: float | None = 0.1
    symmetric: bool = False

    def __post_init__(self) -> None:
        """Validate the settings."""
        check_cutoff("radius", self.radius)
        check_whole("n_neighbors", self.n_neighbors, 1)
        if self.smoothing is not None and not (
            isinstance(self.smoothing, Real) and 0.0 < self.smoothing < self.radius
        ):
            raise SettingError(
                f"smoothing must be a length in Å between 0 and the radius, or None, "
                f"not {self.smoothing!r}"
            )

    def search(self, cutoff: float) -> tuple[float, Extension]:
        """Return the search distance if a descriptor needs all pairs up to a cutoff (Å).

        The whole radius is searched only in structures in which an atom has too few
        neighbors within the descriptor's cutoff.
        """
        if self.smoothing is None or not 0.0 < cutoff < self.radius:
            return max(cutoff, self.radius), NO_EXTENSION
        near = cutoff - self.smoothing
        return cutoff, Extension(self.radius, self.n_neighbors, near)

    def edges(self, batch: NeighborBatch, *, merged: bool) -> Edges:
        """Make the edges of all structures, sorted by target and distance.

        Parameters
        ----------
        batch
            From a search with the distances that `search` returns.
        merged
            Whether one atom represents all equivalent ones, and one edge all edges of one
            length between them. Nothing is merged without a smoothing, because the choice
            among equally distant neighbors breaks the symmetry, or if an edge would lose
            its reverse.
        """
        if self.smoothing is None:
            return self._nearest(batch)
        n_all, room = len(batch.numbers), len(batch.center)
        atom, atom_copies = np.empty((2, n_all), np.int64)
        n_atoms, n_edges = np.empty((2, len(batch.cells)), np.int64)
        pair, target, source, reverse_offset, edge_copies = np.zeros((5, room), np.int64)
        distance, weight = np.empty((2, room))
        found = Edges(
            atom, atom_copies, n_atoms, n_edges, pair, target, source, distance, weight,
            reverse_offset, edge_copies,
        )  # fmt: skip
        _write_edges(
            batch, self.n_neighbors, self.smoothing, self.radius, self.symmetric, merged,
            found,
        )  # fmt: skip
        n_nodes, n_edges = n_atoms.sum(), n_edges.sum()
        cut = [array[:n_nodes].copy() for array in found[:2]]
        return Edges._make(
            [*cut, *found[2:4], *(array[:n_edges].copy() for array in found[4:])]
        )

    def _nearest(self, batch: NeighborBatch) -> Edges:
        """Make edges between all atoms from exactly the nearest neighbors."""
        inside = batch.distance <= self.radius
        weight = nearest(batch, k=self.n_neighbors) * inside
        reverse = _reverse(batch)
        if self.symmetric:
            weight = weight + weight[reverse]
        kept = np.flatnonzero(weight > 0.0)
        # Rank among the kept; an edge and its reverse are kept together.
        rank = np.cumsum(weight > 0.0) - 1
        n_atoms = np.diff(batch.first_atom)
        before = np.concatenate([[0], rank + 1])[batch.first_pair[batch.first_atom]]
        return Edges(
            atom=np.arange(len(batch.numbers)),
            atom_copies=np.ones(len(batch.numbers), np.int64),
            n_atoms=n_atoms,
            n_edges=np.diff(before),
            pair=kept,
            target=batch.center[kept],
            source=batch.neighbor[kept],
            distance=batch.distance[kept],
            weight=weight[kept],
            reverse_offset=rank[reverse[kept]] - np.arange(len(kept)),
            edge_copies=np.ones(len(kept), np.int64),
        )


def _reverse(batch: NeighborBatch) -> Integers:
    """Find the index of (j, i, -S) for each pair (i, j, S)."""
    forward = np.lexsort((*batch.shift.T, batch.neighbor, batch.center))
    backward = np.lexsort((*-batch.shift.T, batch.center, batch.neighbor))
    reverse = np.empty_like(forward)
    reverse[forward] = backward
    return reverse


@compiled
def _write_edges(
    batch: NeighborBatch,
    k: int,
    smoothing: float,
    radius: float,
    symmetric: bool,
    merged: bool,
    edges: Edges,
) -> None:
    """Write edges into arrays that are longer than needed."""
    n_all = len(batch.numbers)
    soft, node = np.empty(n_all), np.empty(n_all, np.int64)
    first_edge = np.zeros(n_all + 1, np.int64)
    begin = end = first_edge[0]  # a literal 0 would compile the callees twice
    for s in range(len(batch.cells)):
        together, complete = merged, False
        while not complete:
            end = begin
            for i in range(batch.first_atom[s], batch.first_atom[s + 1]):
                one = batch.inequivalent_index[i]
                if together and batch.representative[one] != i:
                    node[i] = node[batch.representative[one]]
                    continue
                soft[end] = soft_cutoff(
                    batch.distance, batch.first_pair[i], batch.first_pair[i + 1],
                    k, smoothing, radius,
                )  # fmt: skip
                node[i], edges.atom[end] = end, i
                edges.atom_copies[end] = batch.multiplicity[one] if together else 1
                end += 1
            tolerance = 2.0 * batch.tolerance if together else -1.0
            for t in range(begin, end):
                first_edge[t + 1] = _add_edges(
                    batch, edges, t, first_edge[t], node, soft, smoothing, radius,
                    symmetric, tolerance,
                )  # fmt: skip
            complete = not (symmetric and together)
            if symmetric:
                linked = _link_reverses(batch, edges, begin, end, first_edge, tolerance)
                complete = complete or linked
            together = False
        edges.n_atoms[s] = end - begin
        edges.n_edges[s] = first_edge[end] - first_edge[begin]
        begin = end


@inner
def _add_edges(
    batch: NeighborBatch,
    edges: Edges,
    t: int,
    begin: int,
    node: Integers,
    soft: Floats,
    smoothing: float,
    radius: float,
    symmetric: bool,
    tolerance: float,
) -> int:
    """Write the edges into node t, starting at edge `begin`; return the end.

    Edges from one node are merged if their distances differ by at most the tolerance; a
    negative tolerance merges none.
    """
    count, atom = begin, edges.atom[t]
    for pair in range(batch.first_pair[atom], batch.first_pair[atom + 1]):
        d, source = batch.distance[pair], node[batch.neighbor[pair]]
        weight = neighbor_weight(soft[t], d, smoothing)
        if symmetric:
            weight += neighbor_weight(soft[source], d, smoothing)
        if weight == 0.0 or d > radius:
            if not symmetric:
                break
            continue
        at = count - 1
        while (
            at >= begin
            and d - edges.distance[at] <= tolerance
            and edges.source[at] != source
        ):
            at -= 1
        if at >= begin and d - edges.distance[at] <= tolerance:
            # The mean over merged edges keeps the sum of their weights.
            edges.edge_copies[at] += 1
            edges.weight[at] += (weight - edges.weight[at]) / edges.edge_copies[at]
            continue
        edges.pair[count], edges.target[count], edges.source[count] = pair, t, source
        edges.distance[count], edges.weight[count] = d, weight
        edges.edge_copies[count] = 1
        count += 1
    return count


@inner
def _link_reverses(
    batch: NeighborBatch,
    edges: Edges,
    begin: int,
    end: int,
    first_edge: Integers,
    tolerance: float,
) -> bool:
    """Write the offsets to reverse edges; return whether all edges have one.

    An edge and its reverse get the same distance and weight. With a negative tolerance
    nothing was merged, and their shifts must be opposite.
    """
    complete = True
    for edge in range(first_edge[begin], first_edge[end]):
        t, s, found = edges.target[edge], edges.source[edge], -1
        for other in range(first_edge[s], first_edge[s + 1]):
            apart = abs(edges.distance[other] - edges.distance[edge])
            if edges.source[other] != t or apart > max(tolerance, 0.0):
                continue
            opposite = True
            for a in range(3):
                back = batch.shift[edges.pair[other], a]
                opposite = opposite and back == -batch.shift[edges.pair[edge], a]
            if opposite or tolerance >= 0.0:
                found = other
                break
        edges.reverse_offset[edge] = found - edge
        here = edges.edge_copies[edge] * edges.atom_copies[t]
        if found < 0 or edges.edge_copies[found] * edges.atom_copies[s] != here:
            complete = False
        elif found > edge:
            edges.distance[found] = edges.distance[edge]
            edges.weight[found] = edges.weight[edge]
    return complete
