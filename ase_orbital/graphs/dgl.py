"""Convert CrystalGraph to and from DGL; no other file imports DGL.

DGL stores no data of whole graphs, so each atom has a copy of the lattice.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import torch

from ase_orbital.errors import GraphError
from ase_orbital.graphs.crystal_graph import CrystalGraph

# Without this variable, importing DGL writes a file into the home folder.
unset = "DGLBACKEND" not in os.environ
os.environ.setdefault("DGLBACKEND", "pytorch")
try:
    import dgl
except ImportError as error:
    raise GraphError(
        "graphs of DGL need DGL, which has no release for Python 3.12 and later; on Python "
        "3.11, pip install dgl==1.1.3, or use backend='pyg'"
    ) from error
finally:
    if unset:
        del os.environ["DGLBACKEND"]

if TYPE_CHECKING:
    from dgl import DGLGraph


def to_dgl(graph: CrystalGraph) -> DGLGraph:
    """Convert one crystal or a batch.

    Fields: `ndata` has `x` (the features), `node_type`, `frac_coords` and `lattice`;
    `edata` has `distance`, `weight`, `pbc_offset` and `reverse_offset`. Raises GraphError
    for merged graphs, whose copies have no field there.
    """
    graph.check_unmerged()
    converted = dgl.graph(
        (graph.source, graph.target), num_nodes=len(graph.numbers), idtype=torch.int64
    )
    converted.set_batch_num_nodes(graph.n_atoms)
    converted.set_batch_num_edges(graph.n_edges)
    converted.ndata["x"] = graph.features
    converted.ndata["node_type"] = graph.numbers - 1
    converted.ndata["frac_coords"] = graph.fractional
    converted.ndata["lattice"] = graph.lattice[graph.graph_index]
    converted.edata["distance"] = graph.distance
    converted.edata["weight"] = graph.weight
    converted.edata["pbc_offset"] = graph.shift.to(graph.features.dtype)
    if graph.reverse_offset is not None:
        converted.edata["reverse_offset"] = graph.reverse_offset
    return converted


def from_dgl(graph: Any) -> CrystalGraph:
    """Convert a graph or batch from `to_dgl`; raise KeyError if a field is missing."""
    source, target = graph.edges()
    n_atoms = graph.batch_num_nodes()
    return CrystalGraph(
        features=graph.ndata["x"],
        numbers=graph.ndata["node_type"] + 1,
        fractional=graph.ndata["frac_coords"],
        source=source.long(),
        target=target.long(),
        distance=graph.edata["distance"],
        weight=graph.edata["weight"],
        shift=graph.edata["pbc_offset"].round().long(),
        reverse_offset=graph.edata.get("reverse_offset"),
        lattice=graph.ndata["lattice"][n_atoms.cumsum(0) - n_atoms],
        n_atoms=n_atoms,
        n_edges=graph.batch_num_edges(),
    )
