"""Edges of a graph, their reverses and batches, compared with the pairs of neighbors."""

import dataclasses
import importlib

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk
from numpy.testing import assert_allclose

from ase_orbital import OneHot
from ase_orbital.errors import GraphError
from ase_orbital.graphs.connectivity import Connectivity
from ase_orbital.graphs.converters import build_batch, build_graphs
from ase_orbital.graphs.crystal_graph import CrystalGraph
from ase_orbital.neighbors.batch import neighbor_batch

DIRECTED = Connectivity(radius=5.0, n_neighbors=8)
SYMMETRIC = Connectivity(radius=5.0, n_neighbors=8, symmetric=True)
EXACT = Connectivity(radius=5.0, n_neighbors=8, smoothing=None, symmetric=True)


def build(atoms, connectivity=SYMMETRIC, dtype=torch.float64):
    return build_graphs([atoms], OneHot(), connectivity, dtype)[0]


# --- Edges


@pytest.mark.parametrize("name", ["perovskite", "one atom", "slab", "wire", "molecule"])
def test_edge_lengths_follow_from_positions_shifts_and_lattice(structures, name):
    graph = build(structures[name])
    lattice = graph.lattice[0]
    image = graph.fractional[graph.source] + graph.shift
    vector = (image - graph.fractional[graph.target]) @ lattice
    assert_allclose(torch.linalg.norm(vector, dim=1), graph.distance, atol=1e-12)
    assert (torch.diff(graph.target) >= 0).all()


@pytest.mark.parametrize("name", ["perovskite", "one atom"])
def test_weights_into_an_atom_add_up_to_the_number_of_neighbors(structures, name):
    graph = build(structures[name], DIRECTED)
    sums = torch.zeros(len(graph.numbers), dtype=torch.float64)
    sums.index_add_(0, graph.target, graph.weight)
    assert_allclose(sums, 8.0, atol=1e-9)
    assert (graph.weight > 0.0).all()


def test_slab_keeps_the_edges_across_its_periodic_faces(structures):
    slab = structures["slab"]
    graph = build(slab)
    isolated = build(Atoms(slab.symbols, slab.positions))
    assert graph.n_edges > isolated.n_edges
    assert graph.shift[:, :2].abs().max() > 0
    assert graph.shift[:, 2].abs().max() == 0
    assert graph.degree.min() >= 8


@pytest.mark.parametrize("cell", [None, np.eye(3), [[1, 0, 0], [2, 0, 0], [0, 0, 0]]])
def test_molecule_has_the_same_edges_whatever_cell_it_is_kept_in(structures, cell):
    bare = structures["molecule"]
    kept = Atoms(bare.symbols, bare.positions, cell=cell)
    one, other = build(bare), build(kept)
    assert torch.equal(one.source, other.source)
    assert_allclose(one.distance, other.distance, atol=1e-12)
    assert not other.shift.any()
    assert torch.equal(other.lattice[0], torch.eye(3, dtype=torch.float64))


def test_lone_atom_has_no_edges(structures):
    graph = build(structures["lone atom"])
    assert graph.n_edges.tolist() == [0]
    assert graph.degree.tolist() == [0]
    assert graph.reverse.shape == (0,)


# --- The reverse of an edge


def as_table(graph):
    columns = [graph.source[:, None], graph.target[:, None], graph.shift]
    return torch.cat(columns, dim=1)


@pytest.mark.parametrize("connectivity", [SYMMETRIC, EXACT], ids=["occupation", "exact"])
@pytest.mark.parametrize("name", ["perovskite", "one atom", "slab", "molecule"])
def test_reverse_runs_between_the_same_images_the_other_way(structures, name, connectivity):
    graph = build(structures[name], connectivity)
    forward, backward = as_table(graph), as_table(graph)[graph.reverse]
    assert torch.equal(backward[:, 0], forward[:, 1])
    assert torch.equal(backward[:, 1], forward[:, 0])
    assert torch.equal(backward[:, 2:], -forward[:, 2:])


@pytest.mark.parametrize("name", ["perovskite", "one atom", "slab", "molecule"])
def test_reverse_of_the_reverse_is_the_edge_itself(structures, name):
    graph = build(structures[name])
    index = torch.arange(len(graph.source))
    assert torch.equal(graph.reverse[graph.reverse], index)
    assert not (graph.reverse == index).any()
    assert torch.equal(graph.distance[graph.reverse], graph.distance)
    assert torch.equal(graph.weight[graph.reverse], graph.weight)


def test_edges_of_an_atom_to_its_own_images_have_reverses():
    """In fcc all twelve edges run from the atom to itself, six of them opposite to six."""
    graph = build(bulk("Cu"), Connectivity(radius=2.6, n_neighbors=12, symmetric=True))
    assert graph.n_edges.tolist() == [12]
    assert not graph.source.any()
    assert not graph.target.any()
    assert torch.equal(graph.shift[graph.reverse], -graph.shift)


def test_weight_is_the_sum_for_both_directions(structures):
    atoms = structures["perovskite"]
    one_way = build(atoms, DIRECTED)
    edges = {
        tuple(row): w
        for row, w in zip(as_table(one_way).tolist(), one_way.weight, strict=True)
    }
    both = build(atoms)
    for (source, target, *shift), weight in zip(
        as_table(both).tolist(), both.weight, strict=True
    ):
        back = (target, source, *(-step for step in shift))
        expected = edges.get((source, target, *shift), 0.0) + edges.get(back, 0.0)
        assert abs(weight - expected) < 1e-12


def test_exact_neighbors_seen_from_one_side_only_have_weight_one():
    """H's one nearest is O; O's is C, so H-O is seen from one side and C-O from both."""
    atoms = Atoms("COH", [[0, 0, 0], [0, 0, 1.0], [0, 0, 2.5]])
    graph = build(
        atoms, Connectivity(radius=5.0, n_neighbors=1, smoothing=None, symmetric=True)
    )
    edges = zip(
        *(t.tolist() for t in (graph.source, graph.target, graph.weight)), strict=True
    )
    assert sorted(edges) == [(0, 1, 2.0), (1, 0, 2.0), (1, 2, 1.0), (2, 1, 1.0)]


@pytest.mark.parametrize("seed", range(3))
def test_pairs_exactly_at_the_radius_keep_their_reverses(seed):
    atoms = bulk("Cu", a=3.6).repeat((2, 1, 1))
    rng = np.random.default_rng(seed)
    atoms.rotate(float(rng.uniform(0, 180)), rng.normal(size=3), rotate_cell=True)
    radius = 3.6 * 0.5**0.5
    graph = build(
        atoms, Connectivity(radius=radius, n_neighbors=12, smoothing=None, symmetric=True)
    )
    assert torch.equal(as_table(graph)[graph.reverse][:, 2:], -graph.shift)


def test_directed_graph_has_no_reverses_and_says_so(structures):
    with pytest.raises(GraphError, match="symmetric=True"):
        build(structures["perovskite"], DIRECTED).reverse  # noqa: B018


# --- Batches


@pytest.fixture(params=[DIRECTED, SYMMETRIC], ids=["directed", "symmetric"])
def members(request, structures):
    return [build(atoms, request.param) for atoms in structures.values()]


def test_batch_and_its_members_are_the_same(members, assert_same):
    batch = CrystalGraph.batch(members)
    assert batch.n_graphs == len(members)
    assert batch.graph_index.tolist() == sorted(batch.graph_index.tolist())
    for one, other in zip(members, batch.unbatch(), strict=True):
        assert_same(one, other)


def test_members_can_be_taken_in_any_order_and_twice(members, assert_same):
    chosen = [3, 0, 4, 0]
    batch = CrystalGraph.batch(members).select(torch.tensor(chosen))
    assert_same(batch, CrystalGraph.batch([members[index] for index in chosen]))


def test_selection_may_be_empty(members):
    none = CrystalGraph.batch(members).select(torch.tensor([], dtype=torch.long))
    assert none.n_graphs == 0
    assert len(none.numbers) == len(none.source) == 0


def test_batches_of_batches_are_flat(members, assert_same):
    nested = CrystalGraph.batch([CrystalGraph.batch(members[:2]), *members[2:]])
    assert_same(nested, CrystalGraph.batch(members))


def test_reverses_stay_true_in_a_batch(structures):
    batch = CrystalGraph.batch([build(atoms) for atoms in structures.values()])
    assert torch.equal(batch.source[batch.reverse], batch.target)
    assert torch.equal(batch.distance[batch.reverse], batch.distance)


def test_batching_leaves_the_members_alone(members, assert_same):
    before = [
        dataclasses.replace(member, source=member.source.clone()) for member in members
    ]
    CrystalGraph.batch(members)
    CrystalGraph.batch(members[:1])
    for one, other in zip(before, members, strict=True):
        assert_same(one, other)


def test_moving_changes_the_floating_point_tensors_only(members, assert_same):
    single = members[0].to(dtype=torch.float32)
    assert single.features.dtype == single.distance.dtype == torch.float32
    assert single.source.dtype == single.shift.dtype == torch.int64
    assert_same(members[0].to("cpu"), members[0])


def test_many_graphs_are_built_as_each_alone(structures, assert_same):
    together = build_graphs(list(structures.values()), OneHot(), SYMMETRIC, torch.float64)
    for one, atoms in zip(together, structures.values(), strict=True):
        assert_same(one, build(atoms))


def test_edges_are_among_the_pairs_within_the_radius(structures):
    atoms = structures["perovskite"]
    pairs = neighbor_batch([atoms], 5.0)
    found = set(zip(pairs.neighbor, pairs.center, map(tuple, pairs.shift), strict=True))
    edges = as_table(build(atoms)).tolist()
    assert {(s, t, tuple(shift)) for s, t, *shift in edges} <= found


def test_a_graph_says_what_it_holds():
    graphs = [build(bulk("NaCl", "rocksalt", a=5.64)), build(bulk("Cu"))]
    edges = sum(len(graph.source) for graph in graphs)
    expected = f"CrystalGraph(2 crystals, 3 atoms with 113 features, {edges} edges)"
    assert repr(CrystalGraph.batch(graphs)) == expected


# --- Errors


def test_no_graphs_make_no_batch():
    with pytest.raises(GraphError, match="no graphs"):
        CrystalGraph.batch([])


def test_graphs_with_and_without_reverses_do_not_mix(structures):
    atoms = structures["perovskite"]
    with pytest.raises(GraphError, match="some have none"):
        CrystalGraph.batch([build(atoms), build(atoms, DIRECTED)])


def converter_of(kind):
    try:
        return importlib.import_module(f"ase_orbital.graphs.{kind}")
    except GraphError:
        pytest.skip("needs DGL")


@pytest.mark.parametrize("kind", ["pyg", "dgl"])
def test_merged_graphs_are_not_converted(kind, structures):
    converter = converter_of(kind)
    atoms = [structures["perovskite"] * (2, 1, 1), structures["one atom"]]
    merged = build_batch(atoms, OneHot(), SYMMETRIC)
    with pytest.raises(GraphError, match=r"are merged, .* build it with merged=False"):
        getattr(converter, f"to_{kind}")(merged)
    whole = build_batch(atoms, OneHot(), SYMMETRIC, merged=False)
    getattr(converter, f"to_{kind}")(whole)
