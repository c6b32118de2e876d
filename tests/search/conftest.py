"""What the tests of searches share: calculators and predictors that count."""

import pytest
import torch
from ase.calculators.calculator import all_changes
from ase.calculators.emt import EMT

from ase_orbital.models import EOSNet
from ase_orbital.predict import Predictor


class CountingEMT(EMT):
    """EMT that counts its evaluations."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        self.count += 1
        super().calculate(atoms, properties, system_changes)


class InfoComparingEMT(CountingEMT):
    """Computes anew when `info` has changed, as MACE's and fairchem's calculators do."""

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        self.atoms.info = dict(atoms.info)

    def check_state(self, atoms, tol=1e-15):
        changes = super().check_state(atoms, tol=tol)
        if self.atoms is not None and self.atoms.info != atoms.info:
            changes.append("info")
        return changes


@pytest.fixture(params=[CountingEMT, InfoComparingEMT])
def counting(request):
    """A class of calculators that count."""
    return request.param


@pytest.fixture(scope="session")
def predictor():
    """Of two properties, with weights of no meaning; knows copper, gold and oxygen."""
    torch.manual_seed(0)
    models = [
        EOSNet(property_name=name, elements=[8, 29, 79], n_hidden=16)
        for name in ("band_gap", "bulk_modulus")
    ]
    return Predictor(models, device="cpu")
