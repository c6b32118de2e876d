"""Batch normalization by weight: rows as often as their weight says, and its gradients."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ase_orbital.models.normalization import WeightedBatchNorm


@given(st.lists(st.integers(1, 4), min_size=2, max_size=8), st.integers(0, 2**16))
@settings(deadline=None, max_examples=40)
def test_a_weight_stands_for_repeated_rows(copies, seed):
    torch.manual_seed(seed)
    rows = torch.randn(len(copies), 3, dtype=torch.float64)
    counts = torch.tensor(copies)
    weighted, ordinary = WeightedBatchNorm(3).double(), torch.nn.BatchNorm1d(3).double()
    out = weighted(rows, counts.double())
    expected = ordinary(rows.repeat_interleave(counts, 0))
    torch.testing.assert_close(out.repeat_interleave(counts, 0), expected)
    torch.testing.assert_close(weighted.running_mean, ordinary.running_mean)
    torch.testing.assert_close(weighted.running_var, ordinary.running_var)


def test_without_weights_it_is_ordinary_batch_norm():
    torch.manual_seed(0)
    rows = torch.randn(7, 4)
    torch.testing.assert_close(WeightedBatchNorm(4)(rows), torch.nn.BatchNorm1d(4)(rows))


@pytest.fixture
def arguments():
    """Values, weights, scale and bias of 6 rows of 3 numbers."""
    torch.manual_seed(0)
    shapes = [(6, 3), (6,), (3,), (3,)]
    drawn = [torch.rand(*shape, dtype=torch.float64) + 0.2 for shape in shapes]
    return tuple(at.requires_grad_() for at in drawn)


def normalize(values, weight, scale, bias):
    named = {"weight": scale, "bias": bias}
    return torch.func.functional_call(
        WeightedBatchNorm(3).double(), named, (values, weight)
    )


def test_first_and_second_gradients_are_those_of_finite_differences(arguments):
    assert torch.autograd.gradcheck(normalize, arguments)
    assert torch.autograd.gradgradcheck(normalize, arguments)


def test_a_second_gradient_by_some_arguments_alone(arguments):
    values, *others = arguments
    fixed = [at.detach() for at in others]
    assert torch.autograd.gradgradcheck(lambda at: normalize(at, *fixed), values)
