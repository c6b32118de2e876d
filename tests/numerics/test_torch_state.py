"""The torch state inside and after the blocks of this package."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
import torch

from ase_orbital.numerics.torch_state import default_float32, own_torch_state


def test_nothing_of_the_caller_is_inside_and_all_of_it_is_back_afterwards():
    with (
        torch.autocast("cpu", torch.bfloat16),
        torch.device("meta"),
        torch.inference_mode(),
    ):
        with own_torch_state():
            weights = torch.ones(2, 2, requires_grad=True)
            product = weights @ weights
            assert product.dtype == torch.float32
            assert product.device.type == "cpu"
            assert product.requires_grad
            assert not weights.is_inference()
        assert torch.is_inference_mode_enabled()
        assert torch.is_autocast_enabled("cpu")
        assert torch.ones(1).device.type == "meta"


def test_gradients_are_on_inside_no_grad():
    with torch.no_grad():
        with own_torch_state():
            assert torch.is_grad_enabled()
        assert not torch.is_grad_enabled()


@pytest.fixture
def double():
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


@pytest.mark.usefixtures("double")
def test_the_default_precision_is_back_after_an_error():
    with pytest.raises(ZeroDivisionError), default_float32():
        1 / (torch.get_default_dtype() != torch.float32)
    assert torch.get_default_dtype() == torch.float64


@pytest.mark.usefixtures("double")
def test_the_default_precision_is_back_after_blocks_of_several_threads():
    both = Barrier(2)

    def overlap(_: int) -> None:
        with default_float32():
            both.wait()  # both are inside, and leave in any order

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(overlap, range(2)))
    assert torch.get_default_dtype() == torch.float64
