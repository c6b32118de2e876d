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


@torch.no_grad()
def clear_unseen_inputs(layer: nn.Linear, features: Tensor) -> None:
    """Set the weights of inputs that are zero in all of the features to zero, in place.

    They were never trained, so what they would add for other crystals is random. Zeros take
    no space in a compressed file.

    Parameters
    ----------
    layer
        The layer that takes the features of atoms.
    features
        Those of the training set, [n_atoms, n_features].
    """
    layer.weight[:, ~features.any(dim=0)] = 0.0


def smallest(values: Tensor) -> Tensor:
    """Return a tensor in half precision if that is exact, otherwise as it is."""
    if values.dtype != torch.float32 or values.ndim < 2:
        return values
    half = values.half()
    return half if torch.equal(half.float(), values) else values
