"""Fixtures of several tests of graphs."""

import dataclasses

import pytest
import torch

from ase_orbital.graphs import CrystalGraph


@pytest.fixture(scope="session")
def assert_same():
    """Assert that two graphs are equal in every field, including dtypes."""

    def check(one, other):
        for field in dataclasses.fields(CrystalGraph):
            mine, theirs = getattr(one, field.name), getattr(other, field.name)
            if mine is None:
                assert theirs is None, field.name
            else:
                assert mine.dtype == theirs.dtype, field.name
                assert torch.equal(mine, theirs), field.name

    return check
