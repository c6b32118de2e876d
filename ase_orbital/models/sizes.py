"""How large the parts of a network can be."""

from __future__ import annotations

from ase_orbital.descriptors.base import MOST_FEATURES
from ase_orbital.errors import ModelError, check_whole

# Far above what helps. Without bounds, a mistaken setting or a damaged model folder ends in
# an error of the memory that names neither.
LARGEST = {
    "n_features": MOST_FEATURES,
    "n_hidden": 10_000,
    "n_readout": 10_000,
    "n_classes": 10_000,
    "n_convolutions": 100,
    "n_layers": 100,
    "n_neighbors": 100_000,
}


def check_size(name: str, value: object, least: int = 1) -> None:
    """Raise ModelError if a number of something is not whole, or out of its bounds."""
    check_whole(name, value, least, LARGEST[name], ModelError)
