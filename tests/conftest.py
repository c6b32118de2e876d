"""What several test files use."""

import os
from pathlib import Path

import pytest
from ase import Atoms
from ase.build import bulk, fcc111, molecule
from ase.spacegroup import crystal

# Before torch is imported: on matrices as small as here threads wait for each other, and
# ten times as long where cores are shared.
os.environ.setdefault("OMP_NUM_THREADS", "1")


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
        "perovskite": crystal(
            ["Sr", "Ti", "O"],
            [(0, 0, 0), (0.5, 0.5, 0.5), (0.5, 0.5, 0)],
            spacegroup=221,
            cellpar=[3.905] * 3 + [90] * 3,
        ),
        "one atom": bulk("Cu"),
        "slab": fcc111("Cu", (1, 1, 3), vacuum=8.0),
        "wire": Atoms(
            "C2", [[0, 0, 0], [1, 0, 1]], cell=[0, 0, 2.5], pbc=[False, False, True]
        ),
        "molecule": molecule("CH4"),
        "lone atom": Atoms("O"),
    }
