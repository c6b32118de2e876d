"""The maximum over edges: in loops and in torch's steps, alone and shared by many edges."""

from types import SimpleNamespace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ase_orbital.models.kernels import maximum
from ase_orbital.models.kernels.maximum import WORTH_A_THREAD, maximum_over_edges


def graph_of(degree):
    degree = torch.tensor(degree)
    atoms = torch.arange(len(degree))
    return SimpleNamespace(degree=degree, target=torch.repeat_interleave(atoms, degree))


@pytest.fixture(params=[True, False], ids=["loops", "steps"])
def in_loops(request, monkeypatch):
    if not request.param:
        monkeypatch.setattr(maximum, "in_loops", lambda _: False)


@pytest.mark.usefixtures("in_loops")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_edges_that_share_the_maximum_share_its_gradient(dtype):
    values = torch.tensor(
        [[3.0, -2.0], [3.0, -7.0], [3.0, -2.0], [1.0, -9.0]], dtype=dtype
    ).requires_grad_()
    largest = maximum_over_edges(values, graph_of([3, 0, 1]))
    assert largest.tolist() == [[3.0, -2.0], [0.0, 0.0], [1.0, -9.0]]
    largest.backward(torch.tensor([[6.0, 8.0], [5.0, 5.0], [1.0, 2.0]], dtype=dtype))
    assert values.grad.tolist() == [[2.0, 4.0], [2.0, 0.0], [2.0, 4.0], [1.0, 2.0]]


@pytest.mark.usefixtures("in_loops")
def test_values_need_not_lie_row_by_row():
    values = torch.tensor([[0.0, 3.0], [1.0, 1.0], [5.0, 2.0]]).T.requires_grad_()
    largest = maximum_over_edges(values, graph_of([2]))
    largest.backward(torch.tensor([[1.0, 6.0, 3.0]]))
    assert largest.tolist() == [[3.0, 1.0, 5.0]]
    assert values.grad.tolist() == [[0.0, 3.0, 3.0], [1.0, 3.0, 0.0]]


@pytest.mark.usefixtures("in_loops")
@pytest.mark.parametrize("place", range(3))
def test_what_is_not_a_number_stays_visible(place):
    values = torch.tensor([[1.0], [4.0], [2.0]])
    values[place] = torch.nan
    assert maximum_over_edges(values, graph_of([3])).isnan().all()


def test_rows_must_be_as_many_as_edges():
    with pytest.raises(ValueError, match="3 rows of values for 5 edges"):
        maximum_over_edges(torch.zeros(3, 2), graph_of([3, 2]))


@pytest.mark.usefixtures("in_loops")
def test_no_edges_at_all():
    values = torch.zeros(0, 3, requires_grad=True)
    largest = maximum_over_edges(values, graph_of([0, 0]))
    largest.sum().backward()
    assert largest.tolist() == [[0.0] * 3] * 2
    assert values.grad.shape == (0, 3)


@settings(deadline=None)
@given(
    degree=st.lists(st.integers(0, 6), min_size=1, max_size=8),
    width=st.integers(1, 40),
    seed=st.integers(0, 99),
)
def test_loops_and_steps_agree_to_the_bit(degree, width, seed):
    rng = torch.Generator().manual_seed(seed)
    graph = graph_of(degree)
    values = torch.randint(-3, 3, (sum(degree), width), generator=rng).float()
    gradient = torch.randn(len(degree), width, generator=rng)
    found = []
    for loops in (True, False):
        with pytest.MonkeyPatch.context() as patch:
            if not loops:
                patch.setattr(maximum, "in_loops", lambda _: False)
            at = values.clone().requires_grad_()
            largest = maximum_over_edges(at, graph)
            largest.backward(gradient)
            found.append((largest, at.grad))
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(*found, strict=True))


def test_a_gradient_of_the_gradient_goes_by_steps():
    torch.manual_seed(0)
    values = torch.randn(7, 3, dtype=torch.float64, requires_grad=True)
    graph = graph_of([2, 0, 4, 1])
    assert torch.autograd.gradgradcheck(lambda at: maximum_over_edges(at, graph), values)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_columns_are_divided_among_threads(threads, dtype):
    before = torch.get_num_threads()
    torch.manual_seed(0)
    values = torch.randn(WORTH_A_THREAD // 64, 160, dtype=dtype, requires_grad=True)
    gradient = torch.randn(len(values) // 4, 160, dtype=dtype)
    torch.set_num_threads(threads)
    try:
        largest = maximum_over_edges(values, graph_of([4] * len(gradient)))
        largest.backward(gradient)
    finally:
        torch.set_num_threads(before)
    by_atom = values.detach().view(-1, 4, 160)
    expected = by_atom.amax(1)
    holds = by_atom == expected[:, None]
    assert torch.equal(largest, expected)
    assert torch.equal(values.grad.view(-1, 4, 160), holds * gradient[:, None])
