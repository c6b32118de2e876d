"""Crystals, networks and comparisons for the tests that need a GPU."""

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk, fcc111, molecule
from ase.spacegroup import crystal

from ase_orbital.models import EOSNet, OCrystalNet

RUTILE = crystal(
    ["Ti", "O"],
    [(0, 0, 0), (0.3053, 0.3053, 0)],
    spacegroup=136,
    cellpar=[4.594, 4.594, 2.959, 90, 90, 90],
)
LOW = Atoms("SiOC", positions=[[0, 0, 0], [1.7, 0.2, 0.1], [0.3, 1.9, 2.2]],
            cell=[[4.1, 0, 0], [0.4, 4.4, 0], [0.1, 0.6, 4.9]], pbc=True)  # fmt: skip
RATTLED = RUTILE * (2, 1, 2)
RATTLED.rattle(0.1, seed=0)


@pytest.fixture
def crystals():
    """Crystals with and without symmetry, a slab, a molecule and a lone atom."""
    structures = [
        RUTILE,
        RATTLED,
        LOW,
        bulk("NaCl", "rocksalt", a=5.64),
        fcc111("Cu", (1, 1, 3), vacuum=8.0),
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
