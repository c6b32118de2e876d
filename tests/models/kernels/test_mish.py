"""Mish and its gradients against torch's own, and in closed form."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torch.nn import functional

from ase_orbital.models.kernels.mish import WORTH_A_THREAD, mish

KINDS = pytest.mark.parametrize(
    ("dtype", "tolerance"),
    [(torch.float32, 5e-7), (torch.float64, 2e-15)],
    ids=["single", "double"],
)


def value_and_slope(function, values):
    values = values.clone().requires_grad_()
    out = function(values)
    (slope,) = torch.autograd.grad(out.sum(), values)
    return out.detach(), slope


@pytest.fixture(params=[1, 2], ids=lambda count: f"{count} threads")
def threads(request):
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield
    torch.set_num_threads(before)


@KINDS
def test_values_of_the_formula(dtype, tolerance):
    x = torch.tensor([-3.0, -1.1924, 0.0, 0.5, 2.0], dtype=dtype)
    expected = [at * math.tanh(math.log1p(math.exp(at))) for at in x.tolist()]
    torch.testing.assert_close(
        mish(x), torch.tensor(expected, dtype=dtype), rtol=tolerance, atol=tolerance
    )


@KINDS
@settings(deadline=None)
@given(data=st.data())
def test_values_and_slopes_are_those_of_torch_in_double_precision(dtype, tolerance, data):
    shape = data.draw(st.tuples(st.integers(0, 9), st.integers(1, 9)))
    x = torch.from_numpy(data.draw(arrays(float, shape, elements=st.floats(-800, 800))))
    exact = value_and_slope(functional.mish, x.to(dtype).double())
    for ours, theirs in zip(value_and_slope(mish, x.to(dtype)), exact, strict=True):
        assert ours.dtype == dtype
        torch.testing.assert_close(ours.double(), theirs, rtol=tolerance, atol=tolerance)


@KINDS
@pytest.mark.usefixtures("threads")
def test_large_arrays_are_divided_among_threads(dtype, tolerance):
    torch.manual_seed(0)
    x = 4.0 * torch.randn(7, WORTH_A_THREAD // 2 + 1, dtype=dtype)
    theirs = value_and_slope(functional.mish, x.double())
    for got, expected in zip(value_and_slope(mish, x), theirs, strict=True):
        torch.testing.assert_close(
            got.double(), expected, rtol=tolerance, atol=8 * tolerance
        )


def test_arrays_need_not_lie_row_by_row():
    x = torch.linspace(-5.0, 5.0, 60).reshape(6, 10).T[::3]
    torch.testing.assert_close(mish(x), functional.mish(x))


def test_first_and_second_gradients_are_those_of_finite_differences():
    x = torch.linspace(-4.0, 6.0, 21, dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(mish, x)
    assert torch.autograd.gradgradcheck(mish, x)


@pytest.mark.parametrize("x", [math.nan, math.inf, 1e30])
def test_what_is_not_a_number_stays_visible(x):
    value, slope = value_and_slope(mish, torch.tensor([x, 0.0]))
    expected = [x, 0.0], [x if math.isnan(x) else 1.0, 0.6]
    torch.testing.assert_close(value, torch.tensor(expected[0]), equal_nan=True)
    torch.testing.assert_close(slope, torch.tensor(expected[1]), equal_nan=True)


def test_half_precision_is_left_to_torch():
    x = torch.linspace(-5.0, 5.0, 30).bfloat16()
    assert torch.equal(mish(x), functional.mish(x))


def test_the_result_can_be_changed_in_place():
    x = torch.linspace(-2.0, 2.0, 9).requires_grad_()
    out = mish(x)
    out += 1.0
    out.sum().backward()
    torch.testing.assert_close(out, functional.mish(x) + 1.0)
    torch.testing.assert_close(x.grad, value_and_slope(functional.mish, x.detach())[1])
