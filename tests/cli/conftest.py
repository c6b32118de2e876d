"""A model, crystals and a trained run for the commands."""

import pytest
import torch
from ase.io import write

from ase_orbital.cli.main import main
from ase_orbital.models import EOSNet

QUICK = """
epochs = 2
batch_size = 8
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
    """Arguments of a train command, its exit code, and the folder of the run."""
    words = ["train", str(data / "salts.extxyz"), "--column", "constant"]
    words += ["--config", str(data / "quick.toml"), "--epochs", "3"]
    code = main([*words, "-o", str(data / "run")])
    return words, code, data / "run"
