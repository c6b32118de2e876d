"""Calculators that count, predictors, crystals and databases of searches."""

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk
from ase.calculators.calculator import all_changes
from ase.calculators.emt import EMT
from ase_ga.data import DataConnection, PrepareDB

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
    """Predictor of two properties with random weights; knows copper, gold and oxygen."""
    torch.manual_seed(0)
    models = [
        EOSNet(
            property_name=name,
            elements=[8, 29, 79],
            periodicities=[0, 3],
            n_hidden=16,
            target_mean=mean,
        )
        for name, mean in (("band_gap", 3.0), ("bulk_modulus", 0.0))
    ]
    return Predictor(models, device="cpu")


@pytest.fixture
def crystals():
    """Six volumes of each of two structures."""
    volumes = np.linspace(10.0, 15.0, 6)
    fcc = [bulk("Cu", "fcc", a=(4 * volume) ** (1 / 3)) for volume in volumes]
    return fcc + [bulk("Cu", "bcc", a=(2 * volume) ** (1 / 3)) for volume in volumes]


@pytest.fixture
def database(tmp_path):
    """Function that writes relaxed candidates into a database, as a search does."""

    def write(structures):
        path = str(tmp_path / "search.db")
        PrepareDB(path, simulation_cell=Atoms(pbc=True), population_size=4)
        data = DataConnection(path)
        for atoms in structures:
            data.add_relaxed_candidate(atoms)
        return data

    return write


@pytest.fixture
def atoms():
    """A rattled alloy with EMT."""
    atoms = bulk("Cu", a=3.7, cubic=True)
    atoms.symbols[0] = "Au"
    atoms.rattle(0.1, seed=1)
    atoms.calc = EMT()
    return atoms
