"""Fixtures and options for all tests."""

import contextlib
import itertools
import os
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, molecule

from .structures import PEROVSKITE, SLAB

# Before torch is imported: on matrices as small as here threads wait for each other, and
# ten times as long where cores are shared.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# How long an example takes depends on the machine and on what is compiled in it.
with contextlib.suppress(ImportError):  # a GPU machine may lack hypothesis
    import hypothesis

    hypothesis.settings.register_profile("no deadline", deadline=None)
    hypothesis.settings.load_profile("no deadline")

# Ionic radii, Å: Shannon, Acta Cryst. A 32, 751 (1976), doi:10.1107/S0567739476001551.
CATIONS = {"Li": 0.76, "Na": 1.02, "K": 1.38, "Rb": 1.52, "Cs": 1.67}
ANIONS = {"F": 1.33, "Cl": 1.81, "Br": 1.96, "I": 2.20}


def pytest_addoption(parser):
    """Let `pytest -m gpu --device` name the device; any other test ignores it."""
    parser.addoption("--device", help="for tests marked gpu (default: cuda, else cpu:0)")


def pytest_ignore_collect(collection_path, config):
    """Collect only tests/gpu with `-m gpu`: others import what may be absent there."""
    tests = Path(__file__).parent
    others = tests in collection_path.parents and "gpu" not in (
        collection_path.name,
        collection_path.parent.name,
    )
    return True if others and config.option.markexpr == "gpu" else None


@pytest.fixture(scope="session", autouse=True)
def _compiled_kernels():
    """Compile kernels at their first use, so that equal calls give equal bits."""
    from ase_orbital.numerics.interpreter import interpreter

    interpreter.disable()


@pytest.fixture(scope="session")
def device(request) -> str:
    """Where tests marked gpu compute, to be compared with "cpu".

    Without a GPU it is "cpu:0": the CPU to torch, and another device to this package.
    """
    import torch

    found = "cuda" if torch.cuda.is_available() else "cpu:0"
    return request.config.getoption("device") or found


@pytest.fixture(scope="session")
def shared() -> Path:
    """Reference numbers and data that are not part of the repository."""
    folder = Path(__file__).parents[2] / "shared"
    if not folder.is_dir():
        pytest.skip("needs the reference data beside the checkout")
    return folder


@pytest.fixture(scope="session")
def structures() -> dict[str, Atoms]:
    """One of each kind, all of elements that every descriptor knows."""
    return {
        "perovskite": PEROVSKITE.copy(),
        "one atom": bulk("Cu"),
        "slab": SLAB.copy(),
        "wire": Atoms(
            "C2", [[0, 0, 0], [1, 0, 1]], cell=[0, 0, 2.5], pbc=[False, False, True]
        ),
        "molecule": molecule("CH4"),
        "lone atom": Atoms("O"),
    }


@pytest.fixture(scope="session")
def salts():
    """60 rocksalts, 3 sizes of each of 20 compounds, and their lattice constants."""
    crystals, constants = [], []
    for cation, anion, scale in itertools.product(CATIONS, ANIONS, (0.97, 1.0, 1.03)):
        constant = 2.0 * scale * (CATIONS[cation] + ANIONS[anion])
        atoms = bulk(cation + anion, "rocksalt", a=constant)
        atoms.info["id"] = f"{cation}{anion}-{scale:.2f}"
        crystals.append(atoms)
        constants.append(constant)
    return crystals, np.array(constants)


@pytest.fixture(scope="session")
def quick():
    """Settings of training runs that take a second."""
    from ase_orbital import OneHot

    return {
        "network_settings": {"descriptor": OneHot().to_settings(), "n_hidden": 16},
        "epochs": 3,
        "batch_size": 8,
        "members": 1,
        "learning_rate": 1e-2,
        "accelerator": "cpu",
        "progress": False,
    }


@pytest.fixture
def two_threads():
    """Let torch use two threads during a test."""
    import torch  # late, as tests without torch start faster

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)
