"""Other architectures than EOSNet's, for `compare_architectures.py`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from scipy.special import eval_legendre
from torch import nn
from torch.nn import functional

from ase_orbital.graphs.converters import build_batch
from ase_orbital.graphs.crystal_graph import CrystalGraph
from ase_orbital.models import EOSNet
from ase_orbital.models.layers import GatedConvolution, in_full_precision, mean_over_atoms
from ase_orbital.voronoi.faces import voronoi_faces

if TYPE_CHECKING:
    from ase import Atoms
    from torch import Tensor

N_NEAREST = 6  # neighbors of an atom between which there are angles
N_ANGLES = 16  # Gaussians of the cosine of an angle
N_FACES = 12  # Gaussians of the solid angle of a face, and of the logarithm of its area
N_ORDERS = 12  # orientational order parameters of an atom
SMALL_FACE = 0.1  # sr; smaller faces have smaller weights
MASKED = 0.15  # of the atoms, whose features are to be predicted


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class VoronoiGraph(CrystalGraph):
    """Crystal graph with an edge for each Voronoi face.

    Parameters
    ----------
    solid_angle, area : [n_edges]
        Of the face. Steradian and Å^2.
    """

    solid_angle: Tensor
    area: Tensor


class DenseEOSNet(EOSNet):
    """EOSNet whose layers take the outputs of all layers before them.

    Source: Du et al., npj Comput. Mater. 10, 292 (2024), DenseGNN; only its connections.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        n_layers, n = len(self.convolutions), self.embedding.out_features
        self.joints = nn.ModuleList(nn.Linear(n * i, n) for i in range(1, n_layers + 1))
        self.readout = nn.Linear(n * (n_layers + 1), self.readout.out_features)

    def layer_outputs(self, graph: CrystalGraph) -> dict[str, Tensor]:
        """See `Network.layer_outputs`."""
        basis = self.distance_filter.basis
        coordinates = self.distance_filter(graph.distance) @ basis
        stages = [self.embedding(graph.features)]
        for joint, convolution in zip(self.joints, self.convolutions, strict=True):
            nodes = joint(torch.cat(stages, dim=1))
            stages.append(convolution(nodes, coordinates, basis, graph))
        pooled = mean_over_atoms(torch.cat(stages, dim=1), graph)
        hidden = functional.softplus(self.readout(functional.softplus(pooled)))
        return {"output": in_full_precision(self.output, hidden)}


class VoronoiEOSNet(EOSNet):
    """EOSNet on Voronoi faces, with solid angles and areas beside distances."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        n_edge = self.distance_filter.n_features + 2 * N_FACES
        n_hidden = self.embedding.out_features
        self.convolutions = nn.ModuleList(
            GatedConvolution(n_hidden, n_edge) for _ in self.convolutions
        )

    def layer_outputs(self, graph: CrystalGraph) -> dict[str, Tensor]:
        """See `Network.layer_outputs`."""
        assert isinstance(graph, VoronoiGraph)
        edges = torch.cat(
            [
                self.distance_filter(graph.distance),
                gaussians(graph.solid_angle, 0.0, 4.0, N_FACES),
                gaussians(torch.log1p(graph.area), 0.0, 4.0, N_FACES),
            ],
            dim=1,
        )
        nodes, basis = self.embedding(graph.features), torch.eye(edges.shape[1])
        for convolution in self.convolutions:
            nodes = convolution(nodes, edges, basis, graph)
        hidden = mean_over_atoms(functional.softplus(self.readout(nodes)), graph)
        return {"output": in_full_precision(self.output, hidden)}


class AngularEOSNet(EOSNet):
    """EOSNet with convolutions of the line graph: edges that share an atom, by their angle.

    Source: Choudhary & DeCost, npj Comput. Mater. 7, 185 (2021), ALIGNN; the angles are
    those between the nearest neighbors.
    """

    def __init__(self, n_edge: int = 64, n_lines: int = 2, **settings: Any) -> None:
        super().__init__(**settings)
        n_hidden, n_layers = self.embedding.out_features, len(self.convolutions)
        self.edge_embedding = nn.Linear(self.distance_filter.n_features, n_edge)
        self.lines = nn.ModuleList(
            GatedConvolution(n_edge, N_ANGLES) for _ in range(n_lines)
        )
        self.convolutions = nn.ModuleList(
            GatedConvolution(n_hidden, n_edge) for _ in range(n_layers)
        )

    def layer_outputs(self, graph: CrystalGraph) -> dict[str, Tensor]:
        """See `Network.layer_outputs`."""
        edges = self.edge_embedding(self.distance_filter(graph.distance))
        line, cosine = line_graph(graph)
        angles = gaussians(cosine, -1.0, 1.0, N_ANGLES)
        nodes = self.embedding(graph.features)
        whole, angular = torch.eye(edges.shape[1]), torch.eye(N_ANGLES)
        for i, convolution in enumerate(self.convolutions):
            if i < len(self.lines):
                edges = self.lines[i](edges, angles, angular, line)
            nodes = convolution(nodes, edges, whole, graph)
        hidden = mean_over_atoms(functional.softplus(self.readout(nodes)), graph)
        return {"output": in_full_precision(self.output, hidden)}


class OrderedEOSNet(EOSNet):
    """EOSNet that also takes the orientational order parameters of each atom.

    They begin with weights of zero, so that the network can start from one without them.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.orders = nn.Linear(N_ORDERS, self.embedding.out_features, bias=False)
        nn.init.zeros_(self.orders.weight)

    @property
    def input_layer(self) -> None:
        """None, because the features are those of two layers."""

    def layer_outputs(self, graph: CrystalGraph) -> dict[str, Tensor]:
        """See `Network.layer_outputs`."""
        edges = self.distance_filter(graph.distance) @ self.distance_filter.basis
        features, orders = graph.features.split([self.n_features, N_ORDERS], dim=1)
        nodes = self.embedding(features) + self.orders(orders)
        for convolution in self.convolutions:
            nodes = convolution(nodes, edges, self.distance_filter.basis, graph)
        hidden = self.readout(functional.softplus(nodes))
        hidden = mean_over_atoms(functional.softplus(hidden), graph)
        return {"output": in_full_precision(self.output, hidden)}

    def _run(self, graph: CrystalGraph) -> dict[str, Tensor]:
        output = self.layer_outputs(graph)["output"].squeeze(1)
        return {"final": output * self.target_scale + self.target_mean}


class SharedEOSNet(EOSNet):
    """EOSNet with an output for each of several properties."""

    def __init__(self, n_targets: int, **settings: Any) -> None:
        super().__init__(**settings)
        self.output = nn.Linear(self.output.in_features, n_targets)
        self.target_mean = torch.zeros(n_targets)
        self.target_scale = torch.ones(n_targets)


class MaskedEOSNet(EOSNet):
    """EOSNet that predicts the features of atoms whose own features are hidden."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.guess = nn.Linear(self.embedding.out_features, self.n_features)

    def loss(self, graph: CrystalGraph) -> Tensor:
        """Hide atoms drawn at random, and return the error of their features."""
        hidden = torch.rand(len(graph.numbers)) < MASKED
        seen = torch.where(hidden[:, None], 0.0, graph.features)
        nodes = self.layer_outputs(replace(graph, features=seen))["atoms"]
        guessed = self.guess(nodes[hidden])
        known, n_onehot = graph.features[hidden], self.n_features - 66
        element = functional.cross_entropy(
            guessed[:, :n_onehot], known[:, :n_onehot].argmax(1)
        )
        fingerprint = functional.l1_loss(guessed[:, n_onehot:], known[:, n_onehot:])
        return element + 10.0 * fingerprint  # both are about one at first


def gaussians(values: Tensor, start: float, stop: float, number: int) -> Tensor:
    """Expand values to Gaussians on a grid, [n, number], as wide as its step."""
    centers = torch.linspace(start, stop, number, device=values.device)
    return torch.exp(-torch.square((values[:, None] - centers) / (centers[1] - centers[0])))


def line_graph(graph: CrystalGraph) -> tuple[CrystalGraph, Tensor]:
    """Return the graph whose nodes are edges, and the cosines of its edges.

    There is an edge between each two of the nearest neighbors of an atom.
    """
    lattice = graph.lattice.repeat_interleave(graph.n_edges, dim=0)
    step = graph.fractional[graph.source] + graph.shift - graph.fractional[graph.target]
    vector = torch.einsum("ij,ijk->ik", step, lattice)
    degree = graph.degree
    first = degree.cumsum(0) - degree  # edges are sorted by target, and by distance
    place = torch.arange(len(graph.source)) - first[graph.target]
    chosen = (place < N_NEAREST).nonzero().squeeze(1)
    index = torch.full((len(degree), N_NEAREST), -1)
    index[graph.target[chosen], place[chosen]] = chosen
    one = index[:, :, None].expand(-1, -1, N_NEAREST).reshape(-1)
    two = index[:, None, :].expand(-1, N_NEAREST, -1).reshape(-1)
    keep = (one >= 0) & (two >= 0) & (one != two)
    one, two = one[keep], two[keep]
    cosine = (vector[one] * vector[two]).sum(1) / (
        graph.distance[one] * graph.distance[two]
    )
    weight = graph.weight[one] * graph.weight[two]
    return replace(graph, source=two, target=one, weight=weight), cosine.clamp(-1.0, 1.0)


def voronoi_graph(structures: list[Atoms], model: EOSNet) -> VoronoiGraph:
    """Build the graph whose edges are Voronoi faces, as one batch."""
    graphs = []
    for atoms in structures:
        whole = build_batch([atoms], model.descriptor, model.connectivity, merged=False)
        faces = voronoi_faces(atoms)
        solid_angle = torch.tensor(faces.solid_angle).float()
        graphs.append(
            VoronoiGraph(
                **vars(whole)
                | {
                    "source": torch.tensor(faces.neighbor),
                    "target": torch.tensor(faces.center),
                    "distance": torch.tensor(faces.distance).float(),
                    "weight": (solid_angle / SMALL_FACE).clamp(max=1.0),
                    "shift": torch.tensor(faces.shift).float(),
                    "n_edges": torch.tensor([len(faces.center)]),
                },
                solid_angle=solid_angle,
                area=torch.tensor(faces.area).float(),
            )
        )
    return CrystalGraph.batch(graphs)  # type: ignore[return-value]


def orientational_orders(atoms: Atoms) -> np.ndarray[Any, Any]:
    """Compute bond-orientational order parameters of all atoms, [n_atoms, N_ORDERS].

    The sum over the faces of the Voronoi cell has their solid angles as weights. By the
    addition theorem, no spherical harmonics are needed: q_l^2 is the mean of P_l(cos) over
    all pairs of faces.

    Source: Mickel et al., J. Chem. Phys. 138, 044501 (2013), with areas as weights.
    """
    faces = voronoi_faces(atoms)
    shifted = atoms.positions[faces.neighbor] + faces.shift @ atoms.cell.array
    normal = (shifted - atoms.positions[faces.center]) / faces.distance[:, None]
    orders = np.zeros((len(atoms), N_ORDERS))
    for atom in range(len(atoms)):
        own = faces.center == atom
        share = faces.solid_angle[own] / (4.0 * np.pi)
        cosine = (normal[own] @ normal[own].T).clip(-1.0, 1.0)
        for order in range(1, N_ORDERS + 1):
            squared = share @ eval_legendre(order, cosine) @ share
            orders[atom, order - 1] = np.sqrt(max(squared, 0.0))
    return orders


def with_orders(graph: CrystalGraph, structures: list[Atoms]) -> CrystalGraph:
    """Append the orientational order parameters to the features of the atoms."""
    rows, first = [], 0
    for atoms, n_nodes in zip(structures, graph.n_atoms.tolist(), strict=True):
        nodes = graph.fractional[first : first + n_nodes].double().numpy()
        apart = nodes[:, None] - atoms.get_scaled_positions(wrap=False)[None]
        apart = np.abs(apart - np.round(apart)).sum(axis=2)
        rows.append(orientational_orders(atoms)[apart.argmin(axis=1)])
        first += n_nodes
    orders = torch.tensor(np.concatenate(rows)).to(graph.features.dtype)
    return replace(graph, features=torch.cat([graph.features, orders], dim=1))
