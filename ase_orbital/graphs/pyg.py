"""Convert CrystalGraph to and from PyTorch Geometric; no other file imports it."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import torch

from ase_orbital.graphs.crystal_graph import CrystalGraph

with warnings.catch_warnings():
    # torch 2.14 deprecates what torch_geometric 2.8 calls when it is imported.
    warnings.filterwarnings("ignore", ".torch.jit.script. is deprecated")
    from torch_geometric.data import Batch, Data

if TYPE_CHECKING:
    from torch import Tensor


def to_pyg(graph: CrystalGraph) -> Data:
    """Convert one crystal; a batch becomes a `Batch` of its members.

    Fields: `x` (the features), `edge_index` (source, target), `distance`, `weight`,
    `reverse_offset` and `lattice`, and those of matgl's graphs: `node_type`, `frac_coords`
    and `pbc_offset`. Raises GraphError for merged graphs, whose copies have no field there.
    """
    graph.check_unmerged()
    if graph.n_graphs != 1:
        return Batch.from_data_list([to_pyg(member) for member in graph.unbatch()])
    data = Data(
        x=graph.features,
        edge_index=torch.stack([graph.source, graph.target]),
        distance=graph.distance,
        weight=graph.weight,
        pbc_offset=graph.shift.to(graph.features.dtype),
        node_type=graph.numbers - 1,
        frac_coords=graph.fractional,
        lattice=graph.lattice,
        num_nodes=len(graph.numbers),
    )
    if graph.reverse_offset is not None:
        data.reverse_offset = graph.reverse_offset
    return data


def from_pyg(data: Any) -> CrystalGraph:
    """Convert a graph or batch from `to_pyg`; raise KeyError if a field is missing."""
    # Read by key: a missing attribute may be None.
    source, target = data["edge_index"]
    if isinstance(data, Batch):
        n_atoms = data.ptr.diff()
        index = data.batch
    else:
        n_atoms = torch.tensor([data.num_nodes], device=source.device)
        index = source.new_zeros(data.num_nodes)
    n_edges: Tensor = torch.bincount(index[source], minlength=len(n_atoms))
    return CrystalGraph(
        features=data["x"],
        numbers=data["node_type"] + 1,
        fractional=data["frac_coords"],
        source=source,
        target=target,
        distance=data["distance"],
        weight=data["weight"],
        shift=data["pbc_offset"].round().long(),
        reverse_offset=data.get("reverse_offset"),
        lattice=data["lattice"],
        n_atoms=n_atoms,
        n_edges=n_edges,
    )
