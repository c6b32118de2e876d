"""Layers of the networks."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional

from ase_orbital.models.kernels.maximum import maximum_over_edges
from ase_orbital.models.kernels.normalization import WeightedBatchNorm
from ase_orbital.numerics.torch_state import own_torch_state

if TYPE_CHECKING:
    from torch import Tensor

    from ase_orbital.graphs.crystal_graph import CrystalGraph

NEGLIGIBLE = 1e-10  # filter values below become zero before normalization
NEGLIGIBLE_AXIS = 1e-8  # singular values of the filter below, relative to the largest


class DistanceFilter(nn.Module):
    r"""Gaussians on a grid of distances, $e^{-(d - \mu)^2 / s^2}$.

    Parameters
    ----------
    start, stop, step
        Grid of $\mu$, both ends included. Å.
    width
        s, Å.
    normalize
        Divide the values of each distance by their Euclidean norm.
    """

    def __init__(
        self,
        *,
        start: float,
        stop: float,
        step: float,
        width: float,
        normalize: bool = False,
    ) -> None:
        super().__init__()
        self.centers: Tensor
        self.basis: Tensor
        centers, basis = _grid(start, stop, step), _basis(start, stop, step, width)
        self.register_buffer("centers", torch.tensor(centers.tolist()), persistent=False)
        self.register_buffer("basis", torch.tensor(basis.tolist()), persistent=False)
        self.width, self.normalize = width, normalize
        self.n_features = len(centers)

    def forward(self, distance: Tensor) -> Tensor:
        """Expand [n_edges] distances (Å) to [n_edges, n_features]."""
        offset = distance[:, None] - self.centers
        values = torch.exp(-torch.square(offset / self.width))
        if self.normalize:
            values = torch.where(values < NEGLIGIBLE, 0.0, values)
            values = values / torch.linalg.vector_norm(values, dim=1, keepdim=True)
        return values


def _grid(start: float, stop: float, step: float) -> Tensor:
    n_centers = round((stop - start) / step) + 1
    return start + step * torch.arange(n_centers, dtype=torch.float64)


@cache  # the members of an ensemble share it
@own_torch_state()
def _basis(start: float, stop: float, step: float, width: float) -> Tensor:
    """Return an orthonormal basis of all filter values, [n_features, n_basis].

    The Gaussians overlap so much that they are nearly dependent: 76 of them span 25
    dimensions, within 1e-8. W v = (W basis)(basis^T v) then takes a third of the work.
    """
    centers = _grid(start, stop, step)
    low, high = float(centers[0]) - width, float(centers[-1]) + width
    distances = torch.linspace(low, high, 1000, dtype=centers.dtype)
    values = torch.exp(-torch.square((distances[:, None] - centers) / width))
    _, sizes, axes = torch.linalg.svd(values, full_matrices=False)
    basis: Tensor = axes[sizes > NEGLIGIBLE_AXIS * sizes[0]].T.contiguous()
    return basis


class GatedConvolution(nn.Module):
    r"""Convolution of the crystal graph network, with weighted edges.

    $n_i \leftarrow \mathrm{softplus}(n_i + \mathrm{BN}(\sum_j f_{ij}\, \sigma(g_{ij})\,
    \mathrm{softplus}(c_{ij})))$, where gate g and core c are the halves of
    $\mathrm{BN}(W [n_i, n_j, e_{ij}] + b)$.

    Source: Xie & Grossman, Phys. Rev. Lett. 120, 145301 (2018),
    doi:10.1103/PhysRevLett.120.145301; the weights f are ours, see
    `neighbors.soft_nearest`.
    """

    def __init__(self, n_hidden: int, n_edge_features: int) -> None:
        super().__init__()
        self.widths = (n_hidden, n_hidden, n_edge_features)
        self.linear = nn.Linear(sum(self.widths), 2 * n_hidden)
        self.edge_norm = WeightedBatchNorm(2 * n_hidden)
        self.node_norm = WeightedBatchNorm(n_hidden)

    def forward(
        self, nodes: Tensor, edges: Tensor, basis: Tensor, graph: CrystalGraph
    ) -> Tensor:
        """Update [n_atoms, n_hidden] nodes.

        `edges`, [n_edges, n_basis], are the coordinates of the edge features in `basis`,
        [n_edge_features, n_basis].
        """
        # W [n_i, n_j, e_ij] = W1 n_i + W2 n_j + W3 e_ij: two of the three products are
        # per atom, and there are far fewer atoms than edges.
        center, neighbor, edge = self.linear.weight.split(self.widths, dim=1)
        # The gradient of indexing takes twice as long as that of index_select.
        z = functional.linear(nodes, center, self.linear.bias)
        z = z.index_select(0, graph.target)
        z = z + functional.linear(nodes, neighbor).index_select(0, graph.source)
        z = z + functional.linear(edges, edge @ basis)
        weight, copies = graph.total_weight, graph.atom_copies
        share = weight if copies is None else weight * copies[graph.target]
        gate, core = self.edge_norm(z, share).chunk(2, dim=1)
        message = torch.sigmoid(gate) * functional.softplus(core) * weight[:, None]
        summed = weight.new_zeros(nodes.shape).index_add(0, graph.target, message)
        return functional.softplus(nodes + self.node_norm(summed, copies))


class Booster(nn.Module):
    r"""Sum over the edges into an atom, times their elementwise maximum.

    Source: Song et al., Communicative Representation Learning on Attributed Molecular
    Graphs, IJCAI 2020, doi:10.24963/ijcai.2020/392.

    Messages h must be outputs of Mish, which is never below `FLOOR`. In the maximum they
    are replaced by `FLOOR + min(w, 1) (h - FLOOR)` with the weight w of the edge. An edge
    that appears with weight 0 is then never the largest, so the maximum is continuous.
    """

    FLOOR = -0.30885

    def forward(self, messages: Tensor, graph: CrystalGraph) -> Tensor:
        """Reduce [n_edges, n_hidden] to [n_atoms, n_hidden]; 0 for atoms without edges."""
        weight = graph.weight[:, None]
        # In the precision of the weights, also where mixed precision lowers it.
        summed = weight.new_zeros(len(graph.numbers), messages.shape[1])
        total = graph.total_weight[:, None]
        summed = summed.index_add(0, graph.target, total * messages)
        kept = weight.clamp(max=1.0)
        raised = torch.addcmul(self.FLOOR * (1.0 - kept), kept, messages)
        return summed * maximum_over_edges(raised, graph)


def without_empty_columns(layer: nn.Linear, features: Tensor) -> Tensor:
    """Apply a layer without the features that are zero for all atoms.

    The crystals of a batch have few of all orbitals, so most columns of their OFM are
    empty. Features that require a gradient use all columns.
    """
    if features.requires_grad:
        return functional.linear(features, layer.weight, layer.bias)
    used = features.any(dim=0).nonzero().squeeze(1)
    kept, weight = features.index_select(1, used), layer.weight.index_select(1, used)
    return functional.linear(kept, weight, layer.bias)


def in_full_precision(layer: nn.Linear, values: Tensor) -> Tensor:
    """Apply a layer in the precision of its weights, without autocast."""
    with torch.autocast(values.device.type, enabled=False):
        return functional.linear(values.to(layer.weight.dtype), layer.weight, layer.bias)


def mean_over_atoms(nodes: Tensor, graph: CrystalGraph) -> Tensor:
    """Average [..., n_atoms, n] over the atoms of each graph, to [..., n_graphs, n]."""
    nodes = nodes.to(graph.distance.dtype)
    if graph.atom_copies is not None:
        nodes = nodes * graph.atom_copies[:, None]
    summed = nodes.new_zeros(*nodes.shape[:-2], graph.n_graphs, nodes.shape[-1])
    return summed.index_add(-2, graph.graph_index, nodes) / graph.sizes[:, None]
