"""Converting CrystalGraph to PyTorch Geometric or DGL and back loses nothing."""

import os
import subprocess
import sys
from importlib import import_module

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk
from pymatgen.io.ase import AseAtomsAdaptor
from torch_geometric.data import Batch, Data

from ase_orbital import GOM, OneHot
from ase_orbital.errors import GraphError, StructureError
from ase_orbital.graphs import Atoms2Graph, Structure2Graph
from ase_orbital.graphs.connectivity import Connectivity
from ase_orbital.graphs.converters import as_crystal_graph, build_graphs, from_crystal_graph
from ase_orbital.graphs.crystal_graph import CrystalGraph
from ase_orbital.models import EOSNet, OCrystalNet

BACKENDS = ["pyg", "dgl"]


@pytest.fixture(params=BACKENDS)
def backend(request):
    if request.param == "dgl":
        pytest.importorskip("dgl")
    return request.param


@pytest.fixture(params=[False, True], ids=["directed", "symmetric"])
def members(request, structures):
    connectivity = Connectivity(radius=5.0, n_neighbors=8, symmetric=request.param)
    return build_graphs(list(structures.values()), OneHot(), connectivity)


def join(graphs, backend):
    """Batch graphs of a framework as its users do."""
    if backend == "pyg":
        return Batch.from_data_list(graphs)
    dgl = pytest.importorskip("dgl")
    return dgl.batch(graphs)


# --- Nothing is lost


def test_single_graphs_come_back_whole(members, backend, assert_same):
    for graph in members:
        assert_same(graph, as_crystal_graph(from_crystal_graph(graph, backend)))


def test_batches_of_ours_come_back_whole(members, backend, assert_same):
    batch = CrystalGraph.batch(members)
    assert_same(batch, as_crystal_graph(from_crystal_graph(batch, backend)))


def test_batches_of_the_framework_are_batches_of_ours(members, backend, assert_same):
    theirs = join([from_crystal_graph(graph, backend) for graph in members], backend)
    assert_same(CrystalGraph.batch(members), as_crystal_graph(theirs))


def test_batches_of_one_come_back_whole(members, backend, assert_same):
    theirs = join([from_crystal_graph(members[0], backend)], backend)
    assert_same(members[0], as_crystal_graph(theirs))


def test_members_of_a_converted_batch_are_the_members(members, backend, assert_same):
    theirs = from_crystal_graph(CrystalGraph.batch(members), backend)
    if backend == "pyg":
        parts = theirs.to_data_list()
    else:
        parts = pytest.importorskip("dgl").unbatch(theirs)
    for graph, part in zip(members, parts, strict=True):
        assert_same(graph, as_crystal_graph(part))


def test_graphs_pass_from_one_framework_to_the_other(members, assert_same):
    pytest.importorskip("dgl")
    batch = CrystalGraph.batch(members)
    there = as_crystal_graph(from_crystal_graph(batch, "dgl"))
    assert_same(batch, as_crystal_graph(from_crystal_graph(there, "pyg")))


def test_a_crystal_graph_is_taken_as_it_is(members):
    assert as_crystal_graph(members[0]) is members[0]


def test_double_precision_survives(structures, backend, assert_same):
    connectivity = Connectivity(radius=5.0, n_neighbors=8)
    (graph,) = build_graphs([structures["slab"]], OneHot(), connectivity, torch.float64)
    assert_same(graph, as_crystal_graph(from_crystal_graph(graph, backend)))


# --- The interface of matgl


def test_graph_lattice_and_state_come_as_matgl_has_them(structures, backend):
    converter = Atoms2Graph(OneHot(), radius=5.0, n_neighbors=8, backend=backend)
    atoms = structures["perovskite"]
    graph, lattice, state = converter.get_graph(atoms)
    assert lattice.shape == (1, 3, 3)
    np.testing.assert_allclose(lattice[0], atoms.cell.array, rtol=1e-6)
    assert state.tolist() == [0.0, 0.0]
    assert converter.cutoff == 5.0
    fields = graph.ndata if backend == "dgl" else graph
    names = [converter.element_types[index] for index in fields["node_type"]]
    assert names == atoms.get_chemical_symbols()


def test_edges_of_matgls_fields_are_those_of_ours(structures):
    converter = Atoms2Graph(OneHot(), radius=5.0, n_neighbors=8)
    graph, lattice, _ = converter.get_graph(structures["slab"])
    source, target = graph.edge_index
    image = graph.frac_coords[source] + graph.pbc_offset - graph.frac_coords[target]
    length = torch.linalg.norm(image @ lattice[0], dim=1)
    torch.testing.assert_close(length, graph.distance)


def test_slab_keeps_its_edges_through_every_kind_of_graph(structures, backend):
    """matgl's own converter treats whatever is not periodic throughout as a molecule."""
    slab = structures["slab"]
    converter = Atoms2Graph(OneHot(), radius=5.0, n_neighbors=8, backend=backend)
    graph = as_crystal_graph(converter.get_graph(slab)[0])
    assert graph.shift[:, :2].abs().max() > 0
    assert graph.degree.min() >= 8


def test_pymatgen_structures_make_the_same_graph(backend):
    atoms = bulk("NaCl", "rocksalt", a=5.64)
    structure = AseAtomsAdaptor.get_structure(atoms)
    of_atoms = Atoms2Graph(OneHot(), backend=backend).get_graph(atoms)[0]
    of_structure = Structure2Graph(OneHot(), backend=backend).get_graph(structure)[0]
    one, other = as_crystal_graph(of_atoms), as_crystal_graph(of_structure)
    torch.testing.assert_close(one.distance, other.distance)
    assert torch.equal(one.numbers, other.numbers)


@pytest.mark.parametrize("network", [EOSNet, OCrystalNet])
def test_models_make_the_converter_they_want(network, backend, assert_same):
    model = network(OneHot(), n_hidden=4, radius=4.5, n_neighbors=5, smoothing=0.2)
    converter = model.graph_converter(backend)
    graph = as_crystal_graph(converter.get_graph(bulk("Si"))[0])
    (own,) = model.graphs([bulk("Si")])
    assert_same(own, graph)


def test_many_structures_make_the_graphs_of_each(structures, backend, assert_same):
    converter = Atoms2Graph(OneHot(), radius=5.0, n_neighbors=8, backend=backend)
    together = converter.get_graphs(atoms for atoms in structures.values())
    for atoms, graph in zip(structures.values(), together, strict=True):
        alone, *_ = converter.get_graph(atoms)
        assert type(graph) is type(alone)
        assert_same(as_crystal_graph(alone), as_crystal_graph(graph))


def test_a_converter_says_what_it_makes():
    text = repr(Structure2Graph(GOM(n_eigenvalues=7), radius=5.0))
    for part in ("Structure2Graph", "n_eigenvalues=7", "radius=5.0", "backend='pyg'"):
        assert part in text


# --- Errors


def test_the_broken_one_of_many_is_named():
    with pytest.raises(StructureError, match="no atoms") as caught:
        Atoms2Graph(OneHot()).get_graphs([bulk("Cu"), Atoms()])
    assert caught.value.__notes__ == ["this is structure 1 of the list"]


@pytest.mark.parametrize("value", ["gom", OneHot, None], ids=repr)
def test_what_is_no_descriptor_is_refused(value):
    with pytest.raises(GraphError, match="is not a descriptor; give one such as OFM"):
        Atoms2Graph(value)


def test_number_of_features_must_not_depend_on_the_structure():
    with pytest.raises(GraphError, match="set n_eigenvalues for GOM"):
        Atoms2Graph(GOM())


@pytest.mark.parametrize("missing", ["x", "node_type", "distance", "weight", "lattice"])
def test_missing_field_of_a_pyg_graph_is_named(members, missing):
    graph = from_crystal_graph(members[0], "pyg")
    delattr(graph, missing)
    with pytest.raises(GraphError, match=rf"'{missing}'.*graph_converter\(\)"):
        as_crystal_graph(graph)


@pytest.mark.parametrize("missing", ["x", "node_type", "lattice"])
def test_missing_field_of_a_dgl_graph_is_named(members, missing):
    pytest.importorskip("dgl")
    graph = from_crystal_graph(members[0], "dgl")
    graph.ndata.pop(missing)
    with pytest.raises(GraphError, match=rf"'{missing}'.*graph_converter\(\)"):
        as_crystal_graph(graph)


def test_empty_pyg_graph_is_no_graph_of_ours():
    with pytest.raises(GraphError, match=r"graph_converter\(\)"):
        as_crystal_graph(Data(x=torch.zeros(2, 3)))


@pytest.mark.parametrize("value", [None, 3, torch.zeros(3), bulk("Cu")], ids=repr)
def test_other_types_are_refused_by_name(value):
    with pytest.raises(GraphError, match=rf"a {type(value).__name__} is not a graph"):
        as_crystal_graph(value)


@pytest.mark.parametrize("value", ["pytorch", "DGL", None])
def test_unknown_backend_is_named(value):
    with pytest.raises(GraphError, match=f"must be 'dgl' or 'pyg', not {value!r}"):
        Atoms2Graph(OneHot(), backend=value)
    with pytest.raises(GraphError, match=f"must be 'dgl' or 'pyg', not {value!r}"):
        EOSNet(OneHot(), n_hidden=2).graph_converter(value)


def test_broken_structure_is_refused():
    with pytest.raises(StructureError, match="no atoms"):
        Atoms2Graph(OneHot()).get_graph(Atoms())


@pytest.mark.parametrize("n_layers", [1, 2, 3])
def test_network_on_edges_asks_for_reverses(structures, backend, n_layers):
    model = OCrystalNet(OneHot(), n_hidden=4, n_layers=n_layers)
    converter = Atoms2Graph(OneHot(), radius=5.0, n_neighbors=8, backend=backend)
    graph, *_ = converter.get_graph(structures["perovskite"])
    with pytest.raises(GraphError, match="symmetric=True"):
        model(graph)


def test_dgl_leaves_home_and_environment_alone(tmp_path):
    pytest.importorskip("dgl")
    code = "import os, ase_orbital.graphs.dgl; assert 'DGLBACKEND' not in os.environ"
    environment = {**os.environ, "HOME": str(tmp_path)}
    environment.pop("DGLBACKEND", None)
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
    assert not (tmp_path / ".dgl").exists()


def test_without_dgl_its_functions_say_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "dgl", None)
    monkeypatch.delitem(sys.modules, "ase_orbital.graphs.dgl", raising=False)
    with pytest.raises(GraphError, match=r"on Python 3.11, pip install dgl==1.1.3"):
        Atoms2Graph(OneHot(), backend="dgl").get_graph(bulk("Cu"))
    with pytest.raises(GraphError, match=r"no release for Python 3\.12"):
        import_module("ase_orbital.graphs.dgl")
