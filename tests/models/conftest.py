"""Structures and networks that several files test with."""

import pytest
import torch
from ase.build import bulk

from ase_orbital.models import EOSNet, OCrystalNet

from ..structures import LOW, RUTILE, SPINEL

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
