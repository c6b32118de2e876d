"""Batch normalization by weight: rows as often as their weight says, and its gradients."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ase_orbital.models.kernels.normalization import WeightedBatchNorm


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


@pytest.fixture
def norm():
    """Of 3 numbers, with scale and bias of no meaning."""
    torch.manual_seed(0)
    module = WeightedBatchNorm(3).double()
    torch.nn.init.uniform_(module.weight, 0.5, 1.5)
    torch.nn.init.normal_(module.bias)
    return module


def test_one_norm_used_twice_has_one_gradient(norm, arguments):
    """Its scale is behind the values of its second use."""
    values, weight, *_ = arguments
    out = norm(torch.tanh(norm(values, weight)), weight).pow(3).sum()
    inputs = [values, *norm.parameters()]
    once = torch.autograd.grad(out, inputs, retain_graph=True)
    again = torch.autograd.grad(out, inputs, create_graph=True)
    torch.testing.assert_close(again, once)


def test_second_gradients_keep_single_precision_under_autocast():
    torch.manual_seed(0)
    norm, weight = WeightedBatchNorm(3), torch.rand(400)
    values = (5.0 + torch.randn(400, 3)).requires_grad_()
    found = []
    for enabled in (False, True):
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            out = norm(values, weight).pow(3).sum()
            found.append(torch.autograd.grad(out, [values, norm.weight], create_graph=True))
    torch.testing.assert_close(found[1], found[0], rtol=1e-3, atol=1e-3)


def test_gradients_of_many_losses_at_once(norm, arguments):
    values, weight, *_ = arguments
    jacobian = torch.autograd.functional.jacobian
    one_by_one = jacobian(lambda at: norm(at, weight.detach()), values)
    at_once = jacobian(lambda at: norm(at, weight.detach()), values, vectorize=True)
    torch.testing.assert_close(at_once, one_by_one)


def test_a_single_sample_is_normalized_as_in_evaluation():
    norm, row = WeightedBatchNorm(3), torch.randn(1, 3)
    expected = norm.eval()(row)
    for weight in (None, torch.ones(1)):
        torch.testing.assert_close(norm.train()(row, weight), expected)
    assert not norm.running_mean.any()
