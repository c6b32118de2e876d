"""Edges do not depend on how far the neighbors were searched."""

from itertools import pairwise

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, molecule
from numpy.testing import assert_array_equal

from ase_orbital.graphs.connectivity import Connectivity
from ase_orbital.neighbors.batch import neighbor_batch

CUTOFF = 6.0
RATTLED = bulk("NaCl", "rocksalt", a=5.64, cubic=True)
RATTLED.rattle(0.1, seed=1)
DENSE = [bulk("C"), bulk("Cu"), RATTLED]
# Not all of these have thirteen neighbors within 6 Å minus the smoothing.
SPARSE = [bulk("Xe", "fcc", a=8.6), bulk("Cs", "bcc", a=6.9), bulk("Po", "sc", a=5.95)]
OPEN = [molecule("C6H6"), Atoms("H"), Atoms("H2", [[0, 0, 0], [0, 0, 7.0]])]


def searched(structures, connectivity):
    """Batch for a descriptor with a cutoff of 6 Å."""
    cutoff, extension = connectivity.search(CUTOFF)
    return neighbor_batch(structures, cutoff, extension=extension)


def searched_far(structures, connectivity):
    """Whether each structure has pairs beyond 6 Å."""
    batch = searched(structures, connectivity)
    ends = batch.first_pair[batch.first_atom]
    return [batch.distance[a:b].max(initial=0.0) > CUTOFF for a, b in pairwise(ends)]


@pytest.mark.parametrize("merged", [False, True])
@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize("n_neighbors", [4, 12])
def test_edges_are_those_of_the_whole_radius(symmetric, n_neighbors, merged):
    connectivity = Connectivity(radius=8.0, n_neighbors=n_neighbors, symmetric=symmetric)
    structures = DENSE + SPARSE + OPEN
    near, far = searched(structures, connectivity), neighbor_batch(structures, 8.0)
    assert len(near.center) < len(far.center)
    found = connectivity.edges(near, merged=merged)
    expected = connectivity.edges(far, merged=merged)
    for name in expected._fields:
        if name != "pair":
            assert_array_equal(getattr(found, name), getattr(expected, name), name)
    assert_array_equal(near.shift[found.pair], far.shift[expected.pair])


def test_only_structures_with_few_neighbors_are_searched_farther():
    connectivity = Connectivity(radius=8.0, n_neighbors=12)
    found = searched_far(DENSE + SPARSE[:2] + OPEN[2:], connectivity)
    assert found == [False, False, False, True, True, True]


def test_exactly_the_nearest_need_the_whole_radius():
    connectivity = Connectivity(radius=8.0, n_neighbors=12, smoothing=None)
    assert all(searched_far(DENSE, connectivity))


@pytest.mark.parametrize(("length", "far"), [(2.7, False), (2.8, True)])
def test_a_neighbor_at_the_end_of_the_search_decides(length, far):
    """The fourth of a chain lies inside the cutoff minus the smoothing, or not."""
    chain = Atoms("Po", cell=[length] * 3, pbc=[True, False, False])
    fewer = Connectivity(radius=8.5, n_neighbors=3, smoothing=0.5)
    assert searched_far([chain], fewer) == [far]
    more = Connectivity(radius=8.5, n_neighbors=6, smoothing=0.5)
    assert searched_far([chain], more) == [True]


def test_edges_of_a_batch_are_those_of_each_structure_alone():
    connectivity = Connectivity(radius=8.0, n_neighbors=12, symmetric=True)
    structures = DENSE + SPARSE + OPEN
    batch = searched(structures, connectivity)
    together = connectivity.edges(batch, merged=True)
    nodes = edges = 0
    for s, atoms in enumerate(structures):
        own = searched([atoms], connectivity)
        alone = connectivity.edges(own, merged=True)
        n_nodes, n_edges = together.n_atoms[s], together.n_edges[s]
        part = slice(edges, edges + n_edges)
        assert [n_nodes, n_edges] == [len(alone.atom), len(alone.pair)]
        assert_array_equal(together.target[part] - nodes, alone.target)
        assert_array_equal(together.source[part] - nodes, alone.source)
        for name in ("distance", "weight", "reverse_offset", "edge_copies"):
            assert_array_equal(getattr(together, name)[part], getattr(alone, name))
        assert_array_equal(
            batch.vector[together.pair[part]], own.vector[alone.pair], err_msg=str(s)
        )
        nodes, edges = nodes + n_nodes, edges + n_edges
    assert nodes == len(together.atom)


def test_merged_edges_stand_for_all_of_one_length():
    """In rocksalt each ion has six neighbors of the other kind and twelve of its own."""
    salt = bulk("NaCl", "rocksalt", a=5.64) * 2
    connectivity = Connectivity(radius=5.0, n_neighbors=18, symmetric=True)
    edges = connectivity.edges(neighbor_batch([salt], 5.0), merged=True)
    assert edges.atom_copies.tolist() == [8, 8]
    assert edges.edge_copies.tolist() == [6, 12, 6, 12]
    assert edges.source.tolist() == [1, 0, 0, 1]
    assert np.allclose(edges.distance, [2.82, 2.82 * 2**0.5] * 2)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("radius", 0.0),
        ("radius", "8"),
        ("radius", 1e9),
        ("n_neighbors", 0),
        ("n_neighbors", 2.5),
        ("smoothing", 0.0),
        ("smoothing", 9.0),
        ("smoothing", "0.1"),
    ],
)
def test_invalid_settings_are_refused_by_name(setting, value):
    with pytest.raises(ValueError, match=f"{setting} must be"):
        Connectivity(**({"radius": 8.0, "n_neighbors": 12} | {setting: value}))
