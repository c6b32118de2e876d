"""Converters in matgl's manner: `get_graph(x) -> (graph, lattice, state_attr)`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch

from ase_orbital.descriptors.base import Descriptor
from ase_orbital.elements import SYMBOLS
from ase_orbital.errors import GraphError
from ase_orbital.graphs.building import build_graphs
from ase_orbital.graphs.connectivity import Connectivity
from ase_orbital.graphs.crystal_graph import CrystalGraph
from ase_orbital.structure import to_atoms, to_atoms_many

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from ase_orbital.structure import AtomsLike

Backend = Literal["dgl", "pyg"]


class Atoms2Graph:
    """Makes the graphs a model wants, in the framework a user has.

    Parameters
    ----------
    descriptor
        Gives the rows of the atoms.
    radius
        Of the neighbor search. Å.
    n_neighbors
        Neighbors of each atom.
    smoothing
        Width of the transition in the occupation of neighbors (Å); None for exactly the
        nearest.
    symmetric
        Give every edge its reverse, as OCrystalNet needs.
    backend
        "pyg" for PyTorch Geometric, "dgl" for DGL.
    dtype
        Of the graph's floating-point tensors.

    Raises
    ------
    GraphError
        If there is no such backend, or the descriptor is none, or has rows whose length
        depends on the structure: no network and no batch takes those.
    SettingError
        If a setting of the edges means nothing.
    """

    # matgl's word for the order in which `node_type` counts the elements.
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
                f"the rows of {descriptor} depend on the structure; "
                "give GOM a number of eigenvalues"
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
            `ase.Atoms`, a pymatgen `Structure` or `Molecule`, or the path of a file.

        Returns
        -------
        graph
            DGLGraph or PyG Data; see `graphs.dgl` and `graphs.pyg` for the fields.
        lattice : [1, 3, 3]
            Rows are lattice vectors. Å.
        state_attr : [2]
            Zeros: no state is used.
        """
        graph = self.crystal_graph(structure)
        return (
            from_crystal_graph(graph, self.backend),
            graph.lattice,
            np.zeros(2, dtype=np.float32),
        )

    def get_graphs(self, structures: Iterable[AtomsLike]) -> list[Any]:
        """Convert many structures, about twice as fast as with `get_graph` one by one.

        Parameters
        ----------
        structures
            Anything `get_graph` takes.

        Returns
        -------
        list
            DGLGraphs or PyG Data, in input order.

        Raises
        ------
        StructureError
            With a note saying which structure of the list it is about.
        """
        graphs = build_graphs(
            to_atoms_many(structures), self.descriptor, self.connectivity, self.dtype
        )
        return [from_crystal_graph(graph, self.backend) for graph in graphs]

    def crystal_graph(self, structure: AtomsLike) -> CrystalGraph:
        """Convert one structure, and leave it as this package's own tensors."""
        atoms = to_atoms(structure)
        return build_graphs([atoms], self.descriptor, self.connectivity, self.dtype)[0]


class Structure2Graph(Atoms2Graph):
    """Atoms2Graph under the name matgl has for pymatgen structures; both take either."""


def from_crystal_graph(graph: CrystalGraph, backend: Backend) -> Any:
    """Convert to a DGLGraph or to PyG Data."""
    if backend == "pyg":
        from ase_orbital.graphs.pyg import to_pyg

        return to_pyg(graph)
    try:
        from ase_orbital.graphs.dgl import to_dgl
    except ImportError as error:
        raise GraphError(
            "backend 'dgl' needs DGL: pip install dgl==1.1.3 (Python 3.11 or older), or "
            "use backend='pyg'"
        ) from error
    return to_dgl(graph)


def as_crystal_graph(graph: Any) -> CrystalGraph:
    """Take a CrystalGraph, DGLGraph, or PyG Data or Batch, whichever it is.

    Raises
    ------
    GraphError
        If it is none of these, or lacks a field.
    """
    if isinstance(graph, CrystalGraph):
        return graph
    # By name: neither framework is imported for the sake of the other's graphs.
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
