"""Both networks against their formulas, written out edge by edge."""

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk
from ase.neighborlist import neighbor_list
from torch.nn.functional import mish, softplus

from ase_orbital import OneHot
from ase_orbital.models import EOSNet, OCrystalNet


def low_symmetry():
    """No two distances alike, so that the nearest k are defined."""
    cell = [[3.9, 0.1, 0.2], [0.7, 4.2, -0.3], [-0.4, 0.9, 4.4]]
    scaled = [[0.02, 0.05, 0.1], [0.55, 0.46, 0.52], [0.2, 0.6, 0.9]]
    return Atoms("SiOC", scaled_positions=scaled, cell=cell, pbc=True)


def rattled():
    atoms = bulk("NaCl", "rocksalt", a=5.64).repeat((2, 1, 1))
    atoms.rattle(0.1, seed=2)
    return atoms


CRYSTALS = [low_symmetry(), rattled(), Atoms("OH", [[0, 0, 0], [0, 0, 0.97]])]


def nearest(atoms, k, radius):
    """(center, neighbor, distance) of the nearest k of each atom."""
    i, j, d = neighbor_list("ijd", atoms, radius)
    found = []
    for center in range(len(atoms)):
        mine = sorted(zip(d[i == center], j[i == center], strict=True))
        found += [(center, int(neighbor), float(length)) for length, neighbor in mine[:k]]
    return found


def gaussians(distance, first, last, step, width):
    centers = np.arange(first, last + step / 2, step)
    return torch.tensor(np.exp(-(((distance - centers) / width) ** 2)))


def rows_of(model, atoms):
    return torch.tensor(model.descriptor.create(atoms), dtype=torch.float64)


def double(model):
    """In evaluation, with a distance grid of full precision and no axis of it left out."""
    model = model.double().eval()
    grid = model.distance_filter.centers
    grid.copy_(torch.round(grid * 10) / 10)
    model.distance_filter.basis = torch.eye(len(grid), dtype=torch.float64)
    return model


def eosnet(model, atoms, *, normalize=False):
    """SPEC 4 by concatenation: [n_i, n_j, e_ij] for one edge after another."""
    nodes = model.embedding(rows_of(model, atoms))
    edges = nearest(atoms, 12, 8.0)
    for layer in model.convolutions:
        summed = [torch.zeros(64, dtype=torch.float64) for _ in nodes]
        for center, neighbor, distance in edges:
            edge = gaussians(distance, 0.5, 8.0, 0.1, 1.0)
            if normalize:
                edge = torch.where(edge.abs() < 1e-10, 0.0, edge)
                edge = edge / torch.linalg.norm(edge)
            joined = torch.cat([nodes[center], nodes[neighbor], edge])
            z = layer.edge_norm(layer.linear(joined)[None])[0]
            gate, core = z[:64], z[64:]
            summed[center] = summed[center] + torch.sigmoid(gate) * softplus(core)
        nodes = softplus(nodes + layer.node_norm(torch.stack(summed)))
    pooled = softplus(nodes.mean(dim=0))
    return model.output(softplus(model.readout(pooled)))[0]


def ocrystalnet(model, atoms, *, hidden, k=8):
    """SPEC 5 with every edge and its reverse written down, twice where found twice."""
    rows = rows_of(model, atoms)
    start = mish(model.atom_input(rows))
    edges = []  # (source, target, distance); the reverse of edge 2n is 2n + 1
    for center, neighbor, distance in nearest(atoms, k, 5.0):
        edges += [(neighbor, center, distance), (center, neighbor, distance)]
    first = [
        mish(model.edge_input(gaussians(distance, 0.0, 5.0, 0.1, 0.5)))
        for _, _, distance in edges
    ]

    def gather(heard):
        gathered = []
        for atom in range(len(atoms)):
            arriving = [h for h, edge in zip(heard, edges, strict=True) if edge[1] == atom]
            if not arriving:
                gathered.append(torch.zeros(hidden, dtype=torch.float64))
                continue
            arriving = torch.stack(arriving)
            gathered.append(arriving.sum(dim=0) * arriving.max(dim=0).values)
        return torch.stack(gathered)

    messages, nodes = first, start
    for update in model.edge_update:
        nodes = nodes + gather(messages)
        messages = [
            mish(first[b] + update(nodes[source] - messages[b ^ 1]))
            for b, (source, _, _) in enumerate(edges)
        ]
    joined = torch.cat([gather(messages), nodes, start], dim=1)
    nodes = mish(model.atom_output(model.communicate(joined)))
    return model.output(mish(model.readout(nodes.mean(dim=0))))[0]


def predict(model, atoms):
    return model(model.graphs([atoms])[0])[0]


@pytest.mark.parametrize("atoms", CRYSTALS, ids=lambda atoms: str(atoms.symbols))
@pytest.mark.parametrize("normalize", [False, True])
def test_eosnet_is_its_formula(atoms, normalize, shake_norms):
    torch.manual_seed(0)
    model = EOSNet(smoothing=None, normalize_edges=normalize)
    shake_norms(model)
    model = double(model)
    expected = eosnet(model, atoms, normalize=normalize)
    torch.testing.assert_close(predict(model, atoms), expected, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("atoms", CRYSTALS, ids=lambda atoms: str(atoms.symbols))
def test_ocrystalnet_is_its_formula(atoms):
    torch.manual_seed(0)
    model = double(OCrystalNet(smoothing=None))
    expected = ocrystalnet(model, atoms, hidden=512)
    torch.testing.assert_close(predict(model, atoms), expected, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("n_layers", [1, 2, 4])
@pytest.mark.parametrize("k", [1, 3, 8])
def test_ocrystalnet_of_any_depth_is_its_formula(n_layers, k):
    """Few neighbors leave many pairs seen from one side only."""
    torch.manual_seed(0)
    model = double(
        OCrystalNet(OneHot(), n_hidden=16, n_layers=n_layers, n_neighbors=k, smoothing=None)
    )
    for atoms in CRYSTALS:
        expected = ocrystalnet(model, atoms, hidden=16, k=k)
        torch.testing.assert_close(predict(model, atoms), expected, rtol=1e-9, atol=1e-10)


def test_vanishing_smoothing_is_exactly_the_nearest():
    torch.manual_seed(0)
    for network in (EOSNet, OCrystalNet):
        exact = double(network(OneHot(), n_hidden=8, smoothing=None))
        smooth = double(network(OneHot(), n_hidden=8, smoothing=1e-6))
        smooth.load_state_dict(exact.state_dict())
        atoms = low_symmetry()
        torch.testing.assert_close(predict(smooth, atoms), predict(exact, atoms))


def test_target_scale_and_mean_return_the_units():
    torch.manual_seed(0)
    plain = double(EOSNet(OneHot(), n_hidden=8))
    scaled = double(EOSNet(OneHot(), n_hidden=8, target_mean=-3.0, target_scale=2.0))
    state = plain.state_dict()
    state |= {name: scaled.state_dict()[name] for name in ("target_mean", "target_scale")}
    scaled.load_state_dict(state)
    atoms = low_symmetry()
    torch.testing.assert_close(predict(scaled, atoms), 2.0 * predict(plain, atoms) - 3.0)
