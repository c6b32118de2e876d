"""A model's graph of one structure as a function of the vectors between its atoms."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from ase_orbital.errors import ModelError, SettingError
from ase_orbital.graphs.crystal_graph import CrystalGraph
from ase_orbital.neighbors.soft_nearest import soft_cutoffs

if TYPE_CHECKING:
    from torch import Tensor

    from ase_orbital.graphs.connectivity import Connectivity
    from ase_orbital.models.crystal_model import CrystalModel
    from ase_orbital.models.featurization import Featurization
    from ase_orbital.neighbors.batch import NeighborBatch


def check_model_differentiable(model: CrystalModel) -> None:
    """Raise ModelError for a model whose property has no derivatives."""
    try:
        model.descriptor.check_differentiable()
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
    featurization: Featurization, batch: NeighborBatch, vectors: Tensor
) -> CrystalGraph:
    """Build a graph whose features, distances and weights carry gradients.

    Parameters
    ----------
    featurization
        Descriptor and connectivity of the model.
    batch
        One structure, searched without symmetry, up to the cutoff of the descriptor and the
        radius of the connectivity.
    vectors : [n_pairs, 3]
        `batch.vector` as a tensor. Å.
    """
    connectivity = featurization.connectivity
    edges = connectivity.edges(batch, merged=False)
    pair = torch.as_tensor(edges.pair)
    distance = torch.linalg.vector_norm(vectors, dim=1)
    (cell,) = batch.lattices
    return CrystalGraph(
        features=featurization.descriptor.differentiable_features(batch, vectors),
        numbers=torch.as_tensor(batch.numbers),
        fractional=vectors.new_tensor(batch.positions @ np.linalg.inv(cell)),
        source=torch.as_tensor(edges.source),
        target=torch.as_tensor(edges.target),
        distance=distance[pair],
        weight=edge_weights(connectivity, batch, distance, pair),
        shift=torch.as_tensor(batch.shift[edges.pair]),
        reverse_offset=torch.as_tensor(edges.reverse_offset)
        if connectivity.symmetric
        else None,
        lattice=vectors.new_tensor(cell)[None],
        n_atoms=torch.as_tensor(edges.n_atoms),
        n_edges=torch.as_tensor(edges.n_edges),
    )


def edge_weights(
    connectivity: Connectivity, batch: NeighborBatch, distance: Tensor, pair: Tensor
) -> Tensor:
    r"""Compute the weights of edges as a function of the distances of all pairs.

    The soft cutoff of an atom moves with the distances of its neighbors, because their
    weights f add up to k. From the soft cutoff $\mu_0$ that is known, one Newton step,

    $\mu = \mu_0 - (\sum_j f(\mu_0, d_j) - k) / \sum_j \partial f / \partial \mu$

    with a constant denominator, gives the same value and its derivatives.

    Parameters
    ----------
    connectivity
        With a smoothing.
    batch
        One structure.
    distance : [n_pairs]
        Å.
    pair : [n_edges]
        Pair of each edge.

    Returns
    -------
    [n_edges]
    """
    smoothing, cutoff = connectivity.smoothing, connectivity.radius
    assert smoothing is not None  # refused before
    found = soft_cutoffs(
        batch, k=connectivity.n_neighbors, smoothing=smoothing, cutoff=cutoff
    )
    start, center = distance.new_tensor(found), torch.as_tensor(batch.center)
    inside = distance.detach() <= cutoff
    x = ((start[center] - distance) / smoothing + 0.5).clamp(0.0, 1.0)
    weight = (x * x * (3.0 - 2.0 * x)) * inside
    total = torch.zeros_like(start).index_add(0, center, weight)
    x = x.detach()
    slope = (6.0 * x * (1.0 - x) / smoothing) * inside
    steepness = torch.zeros_like(start).index_add(0, center, slope)
    # A full shell, or a soft cutoff at its limit: nothing moves.
    free = (steepness > 0.0) & (start < cutoff - 0.5 * smoothing)
    step = (total - connectivity.n_neighbors) / steepness.where(free, 1.0)
    soft = start - step.where(free, 0.0)

    def weights_from(atoms: Tensor) -> Tensor:
        x = ((soft[atoms] - distance[pair]) / smoothing + 0.5).clamp(0.0, 1.0)
        return x * x * (3.0 - 2.0 * x)

    weights = weights_from(center[pair])
    if connectivity.symmetric:
        weights = weights + weights_from(torch.as_tensor(batch.neighbor)[pair])
    return weights
