"""Structures for tests of descriptors."""

import pytest
from ase.build import bulk


@pytest.fixture
def rocksalt():
    return bulk("NaCl", "rocksalt", a=5.64)
