"""Models by name: those shipped with the package, and the authors' published ones."""

from __future__ import annotations

from ase_orbital.zoo.folders import Card, list_models, load_model, model_folder, read_card
from ase_orbital.zoo.published import import_eosnet

__all__ = [
    "Card",
    "import_eosnet",
    "list_models",
    "load_model",
    "model_folder",
    "read_card",
]
