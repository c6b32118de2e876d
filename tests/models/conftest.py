"""Structures and networks that several files test with."""

import pytest
import torch
from ase import Atoms
from ase.build import bulk
from ase.spacegroup import crystal

from ase_orbital.models import EOSNet, OCrystalNet

SPINEL = crystal(
    ["Mg", "Al", "O"],
    [(0.125, 0.125, 0.125), (0.5, 0.5, 0.5), (0.2624, 0.2624, 0.2624)],
    spacegroup=227,
    setting=2,
    cellpar=[8.0898] * 3 + [90] * 3,
    primitive_cell=True,
)
RUTILE = crystal(
    ["Ti", "O"],
    [(0, 0, 0), (0.3053, 0.3053, 0)],
    spacegroup=136,
    cellpar=[4.594, 4.594, 2.959, 90, 90, 90],
)
LOW = Atoms("SiOC", positions=[[0, 0, 0], [1.7, 0.2, 0.1], [0.3, 1.9, 2.2]],
            cell=[[4.1, 0, 0], [0.4, 4.4, 0], [0.1, 0.6, 4.9]], pbc=True)  # fmt: skip
SYMMETRIC = [SPINEL, RUTILE, bulk("NaCl", "rocksalt", a=5.64), LOW, RUTILE * (2, 1, 2)]
NETWORKS = {"EOSNet": EOSNet, "OCrystalNet": OCrystalNet}


@pytest.fixture(params=NETWORKS)
def network(request):
    """The class of each network."""
    return NETWORKS[request.param]


@pytest.fixture(scope="session")
def shake_norms():
    """Give normalizations something to do: new, they change nothing in evaluation."""

    def shake(model):
        for module in model.modules():
            if isinstance(module, torch.nn.BatchNorm1d):
                torch.nn.init.uniform_(module.weight, 0.5, 1.5)
                torch.nn.init.normal_(module.bias)
                torch.nn.init.normal_(module.running_mean)
                torch.nn.init.uniform_(module.running_var, 0.5, 2.0)
        return model

    return shake


@pytest.fixture
def model(network, shake_norms):
    """Each network as its paper has it, in double precision, with weights of no meaning."""
    torch.manual_seed(1)
    return shake_norms(network()).double().eval()


@pytest.fixture
def crystals():
    """Spinel, rutile, rocksalt, one without symmetry, and a supercell of rutile."""
    return [atoms.copy() for atoms in SYMMETRIC]
