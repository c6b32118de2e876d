"""From Atoms to a CrystalGraph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch

from ase_orbital.graphs.connectivity import Edges, LostReverseError
from ase_orbital.graphs.crystal_graph import CrystalGraph
from ase_orbital.neighbors.batch import Surroundings, survey_many
from ase_orbital.neighbors.cell_list import dot, inverted
from ase_orbital.neighbors.equivalent_atoms import Orbits, single
from ase_orbital.numerics.jit import compiled
from ase_orbital.structure import lattice

if TYPE_CHECKING:
    from ase import Atoms
    from numpy.typing import NDArray

    from ase_orbital.descriptors.base import Descriptor
    from ase_orbital.graphs.connectivity import Connectivity


class _Member(NamedTuple):
    """One structure of a batch: the atoms it is left with, and their edges."""

    atoms: Atoms
    orbits: Orbits
    edges: Edges
    features: NDArray[np.floating[Any]]


def build_graphs(
    structures: list[Atoms],
    descriptor: Descriptor,
    connectivity: Connectivity,
    dtype: torch.dtype = torch.float32,
) -> list[CrystalGraph]:
    """Graphs of structures that passed `to_atoms`, in input order, with all their atoms.

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
    if not structures:
        return []
    return build_batch(structures, descriptor, connectivity, dtype, merged=False).unbatch()


def build_batch(
    structures: list[Atoms],
    descriptor: Descriptor,
    connectivity: Connectivity,
    dtype: torch.dtype = torch.float32,
    *,
    merged: bool = True,
) -> CrystalGraph:
    """Batch of the graphs of structures that passed `to_atoms`, at least one.

    Parameters
    ----------
    structures, descriptor, connectivity, dtype
        As for `build_graphs`.
    merged
        Whether one atom stands for all that are equivalent by symmetry, and one edge for
        all of one length between such atoms, with `atom_copies` and `edge_copies`. A
        model's prediction for it is that for the whole graph, up to rounding. Positions
        cannot be had back from it: `fractional` and `shift` are those of one of them.
    """
    found = _survey(structures, descriptor.reach, connectivity, dtype)
    members = [
        # Of equals, which are the nearest is not equal: then no two atoms are.
        _member(around, rows, connectivity, merged and connectivity.smoothing is not None)
        for around, rows in zip(found, descriptor.features(found), strict=True)
    ]
    return _joined(members, dtype, connectivity.symmetric, merged)


def _survey(
    structures: list[Atoms], reach: float, connectivity: Connectivity, dtype: torch.dtype
) -> list[Surroundings]:
    """Survey as far as the descriptor and the edges need it.

    The nearest few neighbors are mostly near: the whole radius of the edges is searched
    only for the structures that have atoms with too few within the descriptor's reach.
    """
    precision = str(dtype).removeprefix("torch.")
    if reach == 0.0 or reach >= connectivity.radius:
        return survey_many(structures, max(connectivity.radius, reach), precision)
    found = survey_many(structures, reach, precision)
    sparse = [n for n, around in enumerate(found) if not connectivity.within(around, reach)]
    again = [structures[n] for n in sparse]
    for n, around in zip(
        sparse, survey_many(again, connectivity.radius, precision), strict=True
    ):
        found[n] = around
    return found


def _member(
    around: Surroundings,
    rows: NDArray[np.floating[Any]],
    connectivity: Connectivity,
    merged: bool,
) -> _Member:
    orbits = around.orbits
    if merged:
        try:
            edges = connectivity.edges(around, orbits, merged=True)
            return _Member(around.atoms, orbits, edges, rows)
        except LostReverseError:
            pass  # this one with all its atoms
    alone = single(len(around.atoms))
    edges = connectivity.edges(around, alone, merged=False)
    return _Member(around.atoms, alone, edges, rows[orbits.orbit])


def _joined(
    members: list[_Member], dtype: torch.dtype, symmetric: bool, merged: bool
) -> CrystalGraph:
    n_atoms = np.array([len(member.orbits.first) for member in members])
    n_edges = np.array([len(member.edges.target) for member in members])
    before = np.repeat(np.cumsum(n_atoms) - n_atoms, n_edges)
    cells = np.stack([lattice(member.atoms) for member in members])
    positions = np.concatenate([m.atoms.positions[m.orbits.first] for m in members])
    edges = Edges(*map(np.concatenate, zip(*(m.edges for m in members), strict=True)))

    def real(array: NDArray[np.floating[Any]]) -> torch.Tensor:
        return torch.as_tensor(array).to(dtype)

    def whole(array: NDArray[np.integer[Any]]) -> torch.Tensor:
        return torch.as_tensor(array, dtype=torch.int64)

    return CrystalGraph(
        features=real(np.concatenate([member.features for member in members])),
        numbers=whole(np.concatenate([m.atoms.numbers[m.orbits.first] for m in members])),
        fractional=real(_fractional(positions, cells, n_atoms)),
        source=whole(edges.source + before),
        target=whole(edges.target + before),
        distance=real(edges.distance),
        weight=real(edges.weight),
        shift=whole(edges.shift),
        reverse_offset=whole(edges.reverse_offset) if symmetric else None,
        lattice=real(cells),
        n_atoms=whole(n_atoms),
        n_edges=whole(n_edges),
        atom_copies=whole(np.concatenate([m.orbits.copies for m in members]))
        if merged
        else None,
        edge_copies=whole(edges.edge_copies) if merged else None,
    )


@compiled
def _fractional(
    positions: NDArray[np.float64],
    cells: NDArray[np.float64],
    n_atoms: NDArray[np.int64],
) -> NDArray[np.float64]:
    fractional, atom = np.empty_like(positions), 0
    for structure, cell in enumerate(cells):
        reciprocal = inverted(cell)
        for _ in range(n_atoms[structure]):
            for a in range(3):
                fractional[atom, a] = dot(positions[atom], reciprocal[a])
            atom += 1
    return fractional
