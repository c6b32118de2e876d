"""Crystals, networks and comparisons for the tests that need a GPU."""

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk, molecule

from ase_orbital.models import EOSNet, OCrystalNet

from ..structures import LOW, RUTILE, SLAB, rattled


@pytest.fixture
def crystals():
    """Crystals with and without symmetry, a slab, a molecule and a lone atom."""
    structures = [
        RUTILE,
        rattled(RUTILE * (2, 1, 2), seed=0),
        LOW,
        bulk("NaCl", "rocksalt", a=5.64),
        SLAB,
        molecule("H2O"),
        Atoms("Ar"),
    ]
    return [atoms.copy() for atoms in structures]


@pytest.fixture(params=[EOSNet, OCrystalNet], ids=["EOSNet", "OCrystalNet"])
def network(request):
    """Each network of its paper's size, with running statistics that are not trivial."""
    torch.manual_seed(1)
    model = request.param(target_mean=0.3, target_scale=2.0)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm1d):
            torch.nn.init.normal_(module.running_mean)
            torch.nn.init.uniform_(module.running_var, 0.5, 2.0)
    return model


@pytest.fixture
def assert_as_precise():
    """Compare two results in single precision with the same one in double precision.

    Rounding depends on the order of operations, which differs between devices. The error of
    one device shows how well the problem is conditioned, and bounds that of the other.
    """

    def check(found, single, double):
        found, single, double = (np.asarray(x, np.float64) for x in (found, single, double))
        scale = np.abs(double).max()
        error = max(np.abs(single - double).max(), 16 * np.finfo(np.float32).eps * scale)
        np.testing.assert_allclose(found, double, rtol=0.0, atol=10.0 * error)

    return check
