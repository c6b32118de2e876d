"""Convert structures to graphs of this package, PyG or DGL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch

from ase_orbital.descriptors.base import Descriptor
from ase_orbital.elements import SYMBOLS
from ase_orbital.errors import GraphError
from ase_orbital.graphs.connectivity import Connectivity
from ase_orbital.graphs.crystal_graph import CrystalGraph
from ase_orbital.neighbors.batch import neighbor_batch
from ase_orbital.structure import to_atoms, to_atoms_many

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ase import Atoms
    from numpy.typing import NDArray

    from ase_orbital.structure import AtomsLike

Backend = Literal["dgl", "pyg"]


def build_graphs(
    structures: list[Atoms],
    descriptor: Descriptor,
    connectivity: Connectivity,
    dtype: torch.dtype = torch.float32,
) -> list[CrystalGraph]:
    """Build the graphs of structures, with all their atoms.

    Parameters
    ----------
    structures
        Results of `to_atoms`. They are described together, which saves time.
    descriptor
        Computes the features of the atoms.
    connectivity
        Makes the edges.
    dtype
        Type of the floating-point tensors.
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
    """Build one graph of at least one structure.

    Parameters
    ----------
    structures, descriptor, connectivity, dtype
        As for `build_graphs`.
    merged
        Whether one atom represents all equivalent ones, and one edge all edges of one
        length between them; the graph then has `atom_copies` and `edge_copies`. Predictions
        are those for the whole graph, up to rounding. Positions cannot be recovered:
        `fractional` and `shift` are those of one of the merged atoms and edges.
    """
    cutoff, extension = connectivity.search(descriptor.cutoff)
    precision = str(dtype).removeprefix("torch.")
    batch = neighbor_batch(structures, cutoff, precision, extension=extension)
    features = descriptor.features(batch)
    edges = connectivity.edges(batch, merged=merged)
    if len(edges.atom) > len(features):
        features = features[batch.inequivalent_index[edges.atom]]
    lattices = batch.lattices
    inverses = np.repeat(np.linalg.inv(lattices), edges.n_atoms, axis=0)
    fractional = np.einsum("ij,ijk->ik", batch.positions[edges.atom], inverses)

    def floating(array: NDArray[np.floating[Any]]) -> torch.Tensor:
        return torch.as_tensor(array).to(dtype)

    return CrystalGraph(
        features=floating(features),
        numbers=torch.as_tensor(batch.numbers[edges.atom]),
        fractional=floating(fractional),
        source=torch.as_tensor(edges.source),
        target=torch.as_tensor(edges.target),
        distance=floating(edges.distance),
        weight=floating(edges.weight),
        shift=torch.as_tensor(batch.shift[edges.pair]),
        reverse_offset=torch.as_tensor(edges.reverse_offset)
        if connectivity.symmetric
        else None,
        lattice=floating(lattices),
        n_atoms=torch.as_tensor(edges.n_atoms),
        n_edges=torch.as_tensor(edges.n_edges),
        atom_copies=torch.as_tensor(edges.atom_copies) if merged else None,
        edge_copies=torch.as_tensor(edges.edge_copies) if merged else None,
    )


class Atoms2Graph:
    """Converts structures to the graphs of a model, like the converters of matgl.

    Parameters
    ----------
    descriptor, dtype
        As for `build_graphs`.
    radius, n_neighbors, smoothing, symmetric
        As for `Connectivity`.
    backend
        "pyg" for PyTorch Geometric, "dgl" for DGL.

    Raises
    ------
    GraphError
        If the backend is unknown, or the number of features depends on the structure.
    SettingError
        If a setting of the edges is invalid.
    """

    # Elements in the order of `node_type`, under matgl's name.
    element_types: tuple[str, ...] = SYMBOLS[1:]

    def __init__(
        self,
        descriptor: Descriptor,
        *,
        radius: float = 8.0,
        n_neighbors: int = 12,
        smoothing: float | None = 0.1,
        symmetric: bool = False,
        backend: Backend = "pyg",
        dtype: torch.dtype = torch.float32,
    ) -> None:
        if backend not in ("dgl", "pyg"):
            raise GraphError(f"backend must be 'dgl' or 'pyg', not {backend!r}")
        if not isinstance(descriptor, Descriptor):
            raise GraphError(
                f"{descriptor!r} is not a descriptor; give one such as OFM() or OneHot()"
            )
        if descriptor.n_features is None:
            raise GraphError(
                f"the number of features of {descriptor} depends on the structure; "
                "set n_eigenvalues for GOM"
            )
        self.descriptor = descriptor
        self.connectivity = Connectivity(
            radius=radius, n_neighbors=n_neighbors, smoothing=smoothing, symmetric=symmetric
        )
        self.backend = backend
        self.dtype = dtype

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({self.descriptor}, {self.connectivity}, "
            f"backend={self.backend!r})"
        )

    @property
    def cutoff(self) -> float:
        """Radius of the neighbor search, under matgl's name. Å."""
        return self.connectivity.radius

    def get_graph(
        self, structure: AtomsLike
    ) -> tuple[Any, torch.Tensor, NDArray[np.float32]]:
        """Convert one structure.

        Parameters
        ----------
        structure
            Anything that `Descriptor.create` takes.

        Returns
        -------
        graph
            DGLGraph or PyG Data; see `graphs.dgl` and `graphs.pyg` for the fields.
        lattice : [1, 3, 3]
            Rows are lattice vectors. Å.
        state_attr : [2]
            Zeros, because no state is used.
        """
        graph = self.crystal_graph(structure)
        converted = from_crystal_graph(graph, self.backend)
        return converted, graph.lattice, np.zeros(2, dtype=np.float32)

    def get_graphs(self, structures: Iterable[AtomsLike]) -> list[Any]:
        """Convert many structures, about twice as fast as with `get_graph` one by one.

        Only graphs are returned. An error has a note that names the structure.
        """
        atoms = to_atoms_many(structures)
        graphs = build_graphs(atoms, self.descriptor, self.connectivity, self.dtype)
        return [from_crystal_graph(graph, self.backend) for graph in graphs]

    def crystal_graph(self, structure: AtomsLike) -> CrystalGraph:
        """Convert one structure to this package's own tensors."""
        atoms = to_atoms(structure)
        return build_graphs([atoms], self.descriptor, self.connectivity, self.dtype)[0]


class Structure2Graph(Atoms2Graph):
    """`Atoms2Graph` under matgl's name; both accept ASE and pymatgen structures."""


def from_crystal_graph(graph: CrystalGraph, backend: Backend) -> Any:
    """Convert to a DGLGraph or to PyG Data."""
    if backend == "pyg":
        from ase_orbital.graphs.pyg import to_pyg

        return to_pyg(graph)
    from ase_orbital.graphs.dgl import to_dgl

    return to_dgl(graph)


def as_crystal_graph(graph: Any) -> CrystalGraph:
    """Convert a DGLGraph, or PyG Data or Batch; return a CrystalGraph unchanged.

    Raises
    ------
    GraphError
        If it is none of these, or lacks a field.
    """
    if isinstance(graph, CrystalGraph):
        return graph
    # Compare names, because graphs of one framework must not import the other.
    frameworks = {kind.__module__.partition(".")[0] for kind in type(graph).__mro__}
    try:
        if "torch_geometric" in frameworks:
            from ase_orbital.graphs.pyg import from_pyg

            return from_pyg(graph)
        if "dgl" in frameworks:
            from ase_orbital.graphs.dgl import from_dgl

            return from_dgl(graph)
    except KeyError as error:
        raise GraphError(
            f"the graph lacks a field this model needs ({error}); make it with the model's "
            "graph_converter()"
        ) from error
    raise GraphError(
        f"a {type(graph).__name__} is not a graph; give a CrystalGraph, a DGLGraph, or PyG "
        "Data, made by the model's graph_converter()"
    )
