"""Pairs of atoms within a radius.

The search itself is vesin's, which honors each periodic flag and any shape of cell.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from vesin import NeighborList

from ase_orbital.structure import CLOSEST, coincidence

if TYPE_CHECKING:
    from ase import Atoms
    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True, eq=False)
class Pairs:
    """Directed pairs, each from both sides, sorted by center and then by distance.

    Parameters
    ----------
    center, neighbor : [n_pairs]
        Atom indices. A periodic image of an atom is a neighbor of its own, so an atom
        may be paired with itself.
    shift : [n_pairs, 3]
        Whole cell vectors from the neighbor's given position to the image meant.
    vector : [n_pairs, 3]
        From center to neighbor, Å.
    distance : [n_pairs]
        Å.
    first : [n_atoms + 1]
        Pairs of atom i are `first[i]` to `first[i + 1]`.
    """

    center: NDArray[np.int64]
    neighbor: NDArray[np.int64]
    shift: NDArray[np.int32]
    vector: NDArray[np.float64]
    distance: NDArray[np.float64]
    first: NDArray[np.int64]


def find_pairs(atoms: Atoms, radius: float) -> Pairs:
    """All pairs with distance at most `radius` (Å), periodic images included.

    Raises
    ------
    StructureError
        If two atoms, or an atom and its own image, coincide.
    """
    search = NeighborList(cutoff=radius, full_list=True, n_threads=1)
    center, neighbor, shift, distance, vector = search.compute(
        atoms.positions, atoms.cell.array, atoms.pbc, "ijSdD"
    )
    order = np.lexsort((distance, center))
    if len(order) and distance.min() < CLOSEST:
        worst = distance.argmin()
        raise coincidence(atoms, int(center[worst]), int(neighbor[worst]))
    counts = np.bincount(center, minlength=len(atoms))
    return Pairs(
        center=center[order].astype(np.int64),
        neighbor=neighbor[order].astype(np.int64),
        shift=shift[order].astype(np.int32),
        vector=vector[order],
        distance=distance[order],
        first=np.concatenate([[0], np.cumsum(counts)]),
    )
