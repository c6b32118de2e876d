"""A small model, and crystals that it can and cannot predict."""

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.io import write


@pytest.fixture(scope="session", autouse=True)
def _stream_small_files():
    """Read files in blocks, although they are small."""
    from ase_orbital.screening import sources

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sources, "SMALL", 0)
        yield


@pytest.fixture(scope="session")
def model(tmp_path_factory):
    """Folder of a model of the elements of the salts."""
    from ase_orbital import OneHot
    from ase_orbital.models import EOSNet

    torch.manual_seed(0)
    elements = [3, 9, 11, 17, 19, 35, 37, 53, 55]
    network = EOSNet(
        descriptor=OneHot(), n_hidden=4, property_name="band_gap", elements=elements
    )
    folder = tmp_path_factory.mktemp("models") / "gap"
    network.save(folder, metadata={})
    return str(folder)


@pytest.fixture(scope="session")
def frames(salts):
    """The salts, rattled, with some that fail: another element, coincident atoms."""
    crystals = [atoms.copy() for atoms in salts[0]]
    for number, atoms in enumerate(crystals):
        atoms.rattle(0.02, seed=number)
    crystals[7] = Atoms("NaU", [[0, 0, 0], [2, 2, 2]], cell=[4, 4, 4], pbc=True)
    crystals[20].positions[1] = crystals[20].positions[0]
    return crystals


@pytest.fixture(scope="session")
def xyz(frames, tmp_path_factory):
    path = tmp_path_factory.mktemp("crystals") / "salts.extxyz"
    write(path, frames)
    return path


def assert_same_atoms(found, expected):
    """Compare what predictions depend on."""
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one.numbers, other.numbers)
        np.testing.assert_allclose(one.positions, other.positions, atol=1e-7)
        np.testing.assert_allclose(one.cell.array, other.cell.array, atol=1e-7)
        np.testing.assert_array_equal(one.pbc, other.pbc)


@pytest.fixture(scope="session")
def same_atoms():
    return assert_same_atoms
