"""A model's graph of one structure, as a function of the vectors between its atoms."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from ase_orbital.descriptors.gradients import (
    differentiable_features,
    refuse_without_gradient,
)
from ase_orbital.errors import ModelError, SettingError
from ase_orbital.graphs.crystal_graph import CrystalGraph
from ase_orbital.neighbors.equivalent_atoms import single
from ase_orbital.neighbors.soft_nearest import levels
from ase_orbital.structure import lattice

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from ase_orbital.graphs.connectivity import Connectivity, Edges
    from ase_orbital.models.crystal_model import CrystalModel
    from ase_orbital.models.featurization import Featurization
    from ase_orbital.neighbors.batch import Surroundings
    from ase_orbital.neighbors.pairs import Pairs

    Integers = NDArray[np.int64]


def refuse_without_slope(model: CrystalModel) -> None:
    """Raise ModelError for a model whose property has no slope, and say why."""
    try:
        refuse_without_gradient(model.descriptor)
    except SettingError as error:
        raise ModelError(
            f"this model of {model.property_name} has no forces: {error}. The EOSNet "
            "models have them"
        ) from error
    if model.connectivity.smoothing is None:
        raise ModelError(
            f"this model of {model.property_name} counts exactly the nearest neighbors, so "
            "its property jumps where they change; use one with a smoothing"
        )


def differentiable_graph(
    featurization: Featurization, around: Surroundings, vectors: Tensor
) -> CrystalGraph:
    """Graph whose rows, distances and weights carry gradients by the vectors.

    Parameters
    ----------
    featurization
        Descriptor and connectivity of the model.
    around
        A structure surveyed without symmetry, up to what both the model's descriptor and
        its edges reach.
    vectors : [n_pairs, 3]
        Those of `around.pairs`, Å.
    """
    pairs, connectivity = around.pairs, featurization.connectivity
    n_atoms = len(around.atoms)
    edges = connectivity.edges(around, single(n_atoms), merged=False)
    chosen = torch.as_tensor(pairs_of(edges, pairs))
    distance = torch.linalg.vector_norm(vectors, dim=1)
    cell = lattice(around.atoms)
    return CrystalGraph(
        features=differentiable_features(featurization.descriptor, around, vectors),
        numbers=torch.as_tensor(around.atoms.numbers, dtype=torch.int64),
        fractional=vectors.new_tensor(around.atoms.positions @ np.linalg.inv(cell)),
        source=torch.as_tensor(edges.source),
        target=torch.as_tensor(edges.target),
        distance=distance[chosen],
        weight=weights(connectivity, pairs, distance, chosen),
        shift=torch.as_tensor(edges.shift),
        reverse_offset=torch.as_tensor(edges.reverse_offset)
        if connectivity.symmetric
        else None,
        lattice=vectors.new_tensor(cell)[None],
        n_atoms=torch.tensor([n_atoms]),
        n_edges=torch.tensor([len(edges.source)]),
    )


def weights(
    connectivity: Connectivity, pairs: Pairs, distance: Tensor, chosen: Tensor
) -> Tensor:
    r"""Weights of edges as a function of the distances of all pairs.

    The level of an atom moves with the distances of its neighbors, since their occupations
    f add up to k. At a level $\mu_0$ that is known already, one step of Newton's,

    $\mu = \mu_0 - (\sum_j f(\mu_0, d_j) - k) / \sum_j \partial f / \partial \mu$

    with a constant denominator, is that level and has its derivatives.

    Parameters
    ----------
    connectivity
        With a smoothing.
    pairs
        Of the structure.
    distance : [n_pairs]
        Å.
    chosen : [n_edges]
        Which pairs are edges.

    Returns
    -------
    [n_edges]
    """
    smoothing, radius = connectivity.smoothing, connectivity.radius
    assert smoothing is not None  # refused before
    n_atoms = len(pairs.first) - 1
    found = levels(
        pairs,
        np.arange(n_atoms),
        k=connectivity.n_neighbors,
        smoothing=smoothing,
        radius=radius,
    )
    start, center = distance.new_tensor(found), torch.as_tensor(pairs.center)
    inside = distance.detach() <= radius
    x = ((start[center] - distance) / smoothing + 0.5).clamp(0.0, 1.0)
    occupied = (x * x * (3.0 - 2.0 * x)) * inside
    total = distance.new_zeros(n_atoms).index_add(0, center, occupied)
    x = x.detach()
    slope = (6.0 * x * (1.0 - x) / smoothing) * inside
    steepness = torch.zeros_like(total).index_add(0, center, slope)
    # A full shell, or a level at its limit: nothing moves.
    free = (steepness > 0.0) & (start < radius - 0.5 * smoothing)
    step = (total - connectivity.n_neighbors) / steepness.where(free, 1.0)
    level = start - step.where(free, 0.0)

    def occupations(atoms: Tensor) -> Tensor:
        x = (level[atoms] - distance[chosen]) / smoothing + 0.5
        x = x.clamp(0.0, 1.0)
        return x * x * (3.0 - 2.0 * x)

    seen = occupations(center[chosen])
    if connectivity.symmetric:
        seen = seen + occupations(torch.as_tensor(pairs.neighbor)[chosen])
    return seen


def pairs_of(edges: Edges, pairs: Pairs) -> Integers:
    """Which pair each edge is, [n_edges]."""
    every = np.column_stack([pairs.center, pairs.neighbor, pairs.shift])
    some = np.column_stack([edges.target, edges.source, edges.shift])
    low, high = every.min(axis=0, initial=0), every.max(axis=0, initial=0)
    steps = np.cumprod([1, *(high - low + 1)[:-1]])
    known, wanted = (every - low) @ steps, (some - low) @ steps
    order = np.argsort(known)
    return np.asarray(order[np.searchsorted(known, wanted, sorter=order)])
