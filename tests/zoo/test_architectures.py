"""Graphs and networks that are compared with EOSNet."""

import math
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from ase.build import bulk, make_supercell

from ase_orbital import OneHot
from ase_orbital.graphs.converters import build_batch
from ase_orbital.graphs.crystal_graph import CrystalGraph
from ase_orbital.models import EOSNet

SALT = bulk("NaCl", "rocksalt", a=5.6)
NETWORKS = ("DenseEOSNet", "AngularEOSNet", "VoronoiEOSNet", "SharedEOSNet")


@pytest.fixture
def architectures(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "pretrained"))
    import architectures

    yield architectures
    sys.modules.pop("architectures", None)


def rattled(atoms):
    atoms = atoms.copy()
    atoms.rattle(0.1, seed=1)
    return atoms


def graph_of(architectures, model, *structures):
    if isinstance(model, architectures.VoronoiEOSNet):
        return architectures.voronoi_graph(list(structures), model)
    return build_batch(list(structures), model.descriptor, model.connectivity, merged=False)


def make(architectures, name):
    torch.manual_seed(0)
    settings = {"n_targets": 2} if name == "SharedEOSNet" else {}
    network = getattr(architectures, name)
    return network(descriptor=OneHot(), n_hidden=8, smoothing=0.5, **settings).eval()


@pytest.mark.parametrize("name", NETWORKS)
def test_outputs_depend_on_the_crystal_and_not_on_its_description(architectures, name):
    model, crystal = make(architectures, name), rattled(SALT)
    turned = crystal.copy()
    turned.rotate(40.0, (1, 2, 3), rotate_cell=True)
    other = make_supercell(crystal, [[1, 1, 0], [0, 1, 0], [0, 0, 2]])
    graph = graph_of(architectures, model, crystal, turned, other, SALT)
    with torch.no_grad():
        one, two, three, relaxed = model.training_outputs(graph)
    assert one.shape == ((2,) if name == "SharedEOSNet" else ())
    torch.testing.assert_close(two, one, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(three, one, rtol=1e-4, atol=1e-5)
    assert (relaxed - one).abs().min() > 1e-4


def test_line_graph_has_the_angles_between_nearest_neighbors(architectures):
    model = make(architectures, "AngularEOSNet")
    graph = graph_of(architectures, model, SALT)
    line, cosine = architectures.line_graph(graph)
    n_nearest = architectures.N_NEAREST
    assert len(cosine) == 2 * n_nearest * (n_nearest - 1)
    assert torch.equal(graph.target[line.source], graph.target[line.target])
    # An octahedron has twelve right angles and three straight ones, each in two orders.
    found, counts = np.unique(cosine.numpy().round(4) + 0.0, return_counts=True)
    assert dict(zip(found.tolist(), counts.tolist(), strict=True)) == {-1.0: 12, 0.0: 48}


def test_voronoi_graphs_have_all_faces(architectures):
    model = make(architectures, "VoronoiEOSNet")
    graph = graph_of(architectures, model, SALT, bulk("Cu"))
    around = torch.zeros(3).index_add(0, graph.target, graph.solid_angle)
    torch.testing.assert_close(around, torch.full((3,), 4.0 * math.pi))
    one = graph.select(torch.tensor([1]))
    assert one.n_edges.tolist() == [12]  # a rhombic dodecahedron
    a = 3.61
    torch.testing.assert_close(one.area, torch.full((12,), a**2 / math.sqrt(32.0)))
    assert isinstance(CrystalGraph.batch([one, one]), architectures.VoronoiGraph)


def test_hidden_features_are_learned(architectures):
    torch.manual_seed(0)
    model = architectures.MaskedEOSNet(n_hidden=16)
    structures = [bulk("NaCl", "rocksalt", a=5.6), bulk("MgO", "rocksalt", a=4.2)] * 8
    graph = build_batch(structures, model.descriptor, model.connectivity)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    losses = []
    for _ in range(60):
        loss = model.loss(graph)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert np.mean(losses[-5:]) < 0.5 * np.mean(losses[:5])


def test_orientational_orders_are_those_of_steinhardt(architectures):
    """Steinhardt et al., Phys. Rev. B 28, 784 (1983), for equal neighbors."""
    order = architectures.orientational_orders(rattled(bulk("Cu") * (2, 1, 1)))
    assert order.shape == (2, architectures.N_ORDERS)
    (fcc,) = architectures.orientational_orders(bulk("Cu"))
    np.testing.assert_allclose(fcc[[3, 5]], [0.19094, 0.57452], atol=1e-5)
    octahedron = architectures.orientational_orders(SALT)
    np.testing.assert_allclose(octahedron[:, [3, 5]], [[0.76376, 0.35355]] * 2, atol=1e-5)
    np.testing.assert_allclose(octahedron[:, ::2], 0.0, atol=1e-6)


def test_orders_change_nothing_before_they_are_learned(architectures):
    torch.manual_seed(0)
    model = architectures.OrderedEOSNet(
        descriptor=OneHot(), n_hidden=8, readout_per_atom=True
    )
    crystal = rattled(SALT)
    graph = build_batch([crystal, SALT], model.descriptor, model.connectivity)
    ordered = architectures.with_orders(graph, [crystal, SALT])
    n_features = model.n_features
    expected = architectures.orientational_orders(crystal)
    found = ordered.features[: graph.n_atoms[0], n_features:]
    np.testing.assert_allclose(found, expected[: len(found)], atol=1e-6)
    plain = EOSNet(descriptor=OneHot(), n_hidden=8, readout_per_atom=True)
    plain.load_state_dict(model.state_dict(), strict=False)
    with torch.no_grad():
        before = model.eval().training_outputs(ordered)
        torch.testing.assert_close(before, plain.eval().training_outputs(graph))
        model.orders.weight.fill_(1.0)
        assert (model.training_outputs(ordered) - before).abs().min() > 1e-3
