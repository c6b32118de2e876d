"""Which atoms are joined by edges, and the edges of one structure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, final

import numpy as np

from ase_orbital.errors import SettingError
from ase_orbital.neighbors.soft_nearest import levels, nearest, occupation
from ase_orbital.numerics.jit import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ase_orbital.neighbors.batch import Surroundings
    from ase_orbital.neighbors.equivalent_atoms import Orbits
    from ase_orbital.neighbors.pairs import Pairs

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]


class Edges(NamedTuple):
    """Weighted pairs of one structure; fields as in CrystalGraph."""

    target: Integers
    source: Integers
    shift: Integers
    distance: Floats
    weight: Floats
    reverse_offset: Integers
    edge_copies: Integers


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

    def within(self, around: Surroundings, radius: float) -> bool:
        """Whether all edges are known to be among pairs up to a shorter radius (Å)."""
        if self.smoothing is None:
            return False
        first, reach = around.pairs.first, radius - self.smoothing
        return bool(
            _crowded(around.pairs.distance, first, around.orbits.first,
                     self.n_neighbors, reach)
        )  # fmt: skip

    def edges(self, around: Surroundings, orbits: Orbits, *, merged: bool) -> Edges:
        """Edges into the first atom of each orbit, sorted by target and distance.

        Parameters
        ----------
        around
            Complete up to `radius`.
        orbits
            Atoms to take together: targets and sources are orbits.
        merged
            Whether edges of one length from one orbit are one edge with copies.
        """
        pairs, k = around.pairs, self.n_neighbors
        if self.smoothing is None:
            return self._nearest(pairs)
        level = levels(
            pairs, orbits.first, k=k, smoothing=self.smoothing, radius=self.radius
        )
        found = _edges(
            pairs.neighbor, pairs.distance, pairs.shift, pairs.first,
            orbits.orbit, orbits.first, orbits.copies,
            level, self.smoothing, self.radius, self.symmetric,
            2.0 * around.tolerance if merged else -1.0,
        )  # fmt: skip
        if not found[-1]:
            raise LostReverseError
        return Edges(*found[:-1])

    def _nearest(self, pairs: Pairs) -> Edges:
        """Edges between all atoms: which of equals are nearest no symmetry tells."""
        inside = pairs.distance <= self.radius
        weight = nearest(pairs, k=self.n_neighbors) * inside
        reverse = _reverse(pairs)
        if self.symmetric:
            weight = weight + weight[reverse]
        kept = np.flatnonzero(weight > 0.0)
        # Rank among the kept; an edge and its reverse are kept together.
        rank = np.cumsum(weight > 0.0) - 1
        return Edges(
            target=pairs.center[kept],
            source=pairs.neighbor[kept],
            shift=pairs.shift[kept],
            distance=pairs.distance[kept],
            weight=weight[kept],
            reverse_offset=rank[reverse[kept]] - np.arange(len(kept)),
            edge_copies=np.ones(len(kept), np.int64),
        )


class LostReverseError(Exception):
    """Merging left an edge without its reverse, at the edge of the tolerance."""


def _reverse(pairs: Pairs) -> Integers:
    """Index of (j, i, -S) for each pair (i, j, S)."""
    forward = np.lexsort((*pairs.shift.T, pairs.neighbor, pairs.center))
    backward = np.lexsort((*-pairs.shift.T, pairs.center, pairs.neighbor))
    reverse = np.empty_like(forward)
    reverse[forward] = backward
    return reverse


@compiled
def _crowded(
    distance: Floats, first: Integers, centers: Integers, k: int, reach: float
) -> bool:
    """Whether each center has more than k neighbors within reach."""
    for center in centers:
        last = first[center] + k
        if last >= first[center + 1] or distance[last] > reach:
            return False
    return True


@compiled
def _edges(
    neighbor: Integers,
    lengths: Floats,
    shifts: Integers,
    pairs_from: Integers,
    orbit: Integers,
    first: Integers,
    n_alike: Integers,
    level: Floats,
    smoothing: float,
    radius: float,
    symmetric: bool,
    tolerance: float,
) -> tuple[Integers, Integers, Integers, Floats, Floats, Integers, Integers, bool]:
    """Fields of Edges, and whether all have a reverse; below zero nothing is merged."""
    n, room = len(first), 0
    for c in first:
        room += pairs_from[c + 1] - pairs_from[c]
    target, source = np.empty(room, np.int64), np.empty(room, np.int64)
    shift, copies = np.empty((room, 3), np.int64), np.ones(room, np.int64)
    distance, weight = np.empty(room), np.empty(room)
    start, count = np.zeros(n + 1, np.int64), 0
    for o in range(n):
        for pair in range(pairs_from[first[o]], pairs_from[first[o] + 1]):
            d, s = lengths[pair], orbit[neighbor[pair]]
            f = occupation(level[o], d, smoothing)
            if symmetric:
                f += occupation(level[s], d, smoothing)
            if f == 0.0 or d > radius:
                if not symmetric:
                    break
                continue
            at = count - 1
            while at >= start[o] and d - distance[at] <= tolerance and source[at] != s:
                at -= 1
            if at >= start[o] and d - distance[at] <= tolerance:
                # Mean over the merged, so that what was slightly unlike keeps its sum.
                copies[at] += 1
                weight[at] += (f - weight[at]) / copies[at]
                continue
            target[count], source[count], distance[count] = o, s, d
            weight[count], shift[count] = f, shifts[pair]
            count += 1
        start[o + 1] = count
    reverse_offset, complete = np.zeros(count, np.int64), True
    for edge in range(count if symmetric else 0):
        o, s, found = target[edge], source[edge], -1
        for other in range(start[s], start[s + 1]):
            apart = abs(distance[other] - distance[edge]) > max(tolerance, 0.0)
            if source[other] != o or apart:
                continue
            opposite = True
            for a in range(3):
                opposite = opposite and shift[other, a] == -shift[edge, a]
            if opposite or tolerance >= 0.0:
                found = other
                break
        reverse_offset[edge] = found - edge
        if found < 0 or copies[found] * n_alike[s] != copies[edge] * n_alike[o]:
            complete = False
        elif found > edge:
            distance[found], weight[found] = distance[edge], weight[edge]
    return (
        target[:count].copy(),
        source[:count].copy(),
        shift[:count].copy(),
        distance[:count].copy(),
        weight[:count].copy(),
        reverse_offset,
        copies[:count].copy(),
        complete,
    )
