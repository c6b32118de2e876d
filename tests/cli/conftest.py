"""A model to give commands."""

import pytest
import torch

from ase_orbital.models import EOSNet


@pytest.fixture
def gap(tmp_path):
    torch.manual_seed(0)
    model = EOSNet(property_name="band_gap", elements=[11, 13, 17, 29])
    model.save(tmp_path / "gap", metadata={})
    return str(tmp_path / "gap")
