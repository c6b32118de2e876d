"""Crystal graphs, and their conversion to and from PyG and DGL."""

from __future__ import annotations

from ase_orbital.graphs.connectivity import Connectivity
from ase_orbital.graphs.converters import (
    Atoms2Graph,
    Structure2Graph,
    as_crystal_graph,
    build_graphs,
)
from ase_orbital.graphs.crystal_graph import CrystalGraph

__all__ = [
    "Atoms2Graph",
    "Connectivity",
    "CrystalGraph",
    "Structure2Graph",
    "as_crystal_graph",
    "build_graphs",
]
