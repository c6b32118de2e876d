"""Fused networks against those they are made of."""

import copy

import pytest
import torch
from ase.build import bulk

from ase_orbital import OneHot
from ase_orbital.models import Ensemble, EOSNet, OCrystalNet
from ase_orbital.models.fused import FusedEOSNet, fuse


@pytest.fixture
def make(shake_norms):
    """Ensembles, or single networks."""

    def made(n_members, **settings):
        members = []
        for seed in range(n_members):
            torch.manual_seed(seed)
            settings |= {"target_mean": seed, "target_scale": 2.0}
            members.append(shake_norms(EOSNet(n_hidden=24, **settings)))
        return (members[0] if n_members == 1 else Ensemble(members)).eval()

    return made


@pytest.mark.parametrize("n_classes", [None, 2])
@pytest.mark.parametrize("n_members", [1, 3])
@pytest.mark.parametrize("merged", [False, True])
def test_outputs_are_those_of_the_networks(make, crystals, n_members, n_classes, merged):
    model = make(n_members, n_classes=n_classes).double()
    graph = model.batch(crystals)
    if not merged:
        graph = type(graph).batch(model.graphs(crystals))
    fused = fuse(model)
    assert isinstance(fused, FusedEOSNet)
    expected, found = model.outputs(graph).target, fused.outputs(graph).target
    assert len(found) == n_members
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


def test_readout_per_atom_is_fused_too(make, crystals):
    model = make(2, readout_per_atom=True).double()
    graph = model.batch(crystals)
    found, expected = fuse(model).outputs(graph).target, model.outputs(graph).target
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


def test_single_precision_loses_no_more_than_the_network_itself(make, crystals):
    model = make(3)
    exact = copy.deepcopy(model).double()
    expected = exact(exact.batch(crystals))
    outputs = fuse(model).outputs(model.batch(crystals))
    found = model.assess_target(outputs).value.double()
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


def test_normalized_edges_are_fused_too(make):
    model = make(1, normalize_edges=True).double()
    graph = model.batch([bulk("NaCl", "rocksalt", a=5.6)])
    found, expected = fuse(model).outputs(graph).target, model.outputs(graph).target
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


def test_networks_without_a_fused_form_are_used_as_they_are():
    networks = [OCrystalNet(OneHot(), n_hidden=4) for _ in range(2)]
    assert fuse(networks[0]) is networks[0]
    ensemble = Ensemble(networks)
    assert fuse(ensemble) is ensemble
