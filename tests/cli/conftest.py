"""Structures, models and training data for the commands."""

import pytest
import torch
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write

from ase_orbital.cli.main import main
from ase_orbital.models import EOSNet

QUICK = """
epochs = 2
batch_size = 8
members = 1
accelerator = "cpu"
workers = 1

[network_settings]
n_hidden = 4
descriptor = { name = "OneHot", size = 113 }
"""


@pytest.fixture
def gap(tmp_path):
    torch.manual_seed(0)
    model = EOSNet(property_name="band_gap", elements=[11, 13, 17, 29])
    model.save(tmp_path / "gap", metadata={})
    return str(tmp_path / "gap")


@pytest.fixture
def crystals(tmp_path):
    """A folder with a salt, and with two metals in one file."""
    write(tmp_path / "salt.cif", bulk("NaCl", "rocksalt", a=5.64))
    write(tmp_path / "metals.extxyz", [bulk("Cu"), bulk("Al")])
    return tmp_path


def with_energy(atoms, energy):
    atoms.calc = SinglePointCalculator(atoms, energy=energy * len(atoms))
    return atoms


@pytest.fixture
def frames(tmp_path):
    """fcc twice, bcc, and fcc again in another cell and with the lowest energy."""
    frames = [
        with_energy(bulk("Cu"), -1.0),
        with_energy(bulk("Cu"), -1.1),
        with_energy(bulk("Cu", "bcc", a=2.87), -0.9),
        with_energy(bulk("Cu", cubic=True), -1.2),
    ]
    write(tmp_path / "path.traj", frames)
    return tmp_path / "path.traj"


@pytest.fixture(scope="session")
def data(salts, tmp_path_factory):
    """Crystals and settings as files."""
    folder = tmp_path_factory.mktemp("data")
    crystals = []
    for atoms, constant in zip(*salts, strict=True):
        crystals.append(atoms.copy())
        crystals[-1].info |= {"constant": constant, "cesium": "Cs" in atoms.symbols}
    write(folder / "salts.extxyz", crystals)
    (folder / "quick.toml").write_text(QUICK)
    return folder


@pytest.fixture(scope="session")
def trained(data):
    """What `train` was given, its exit code, and the folder."""
    words = ["train", str(data / "salts.extxyz"), "--column", "constant"]
    words += ["--config", str(data / "quick.toml"), "--epochs", "3"]
    code = main([*words, "-o", str(data / "run")])
    return words, code, data / "run"
