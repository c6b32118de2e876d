"""What several test files use."""

import os
from pathlib import Path

import pytest

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
