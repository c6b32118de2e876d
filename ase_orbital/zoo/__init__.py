"""Models by name: those shipped with the package, and the authors' published ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ase_orbital.checksums import renew_checksums
from ase_orbital.zoo.folders import Card, list_models, load_model, model_folder, read_card

if TYPE_CHECKING:
    from ase_orbital.models.loading import register_model
    from ase_orbital.zoo.published import import_eosnet

__all__ = [
    "Card",
    "import_eosnet",
    "list_models",
    "load_model",
    "model_folder",
    "read_card",
    "register_model",
    "renew_checksums",
]


def __getattr__(name: str) -> Any:
    # Late, because networks take seconds to import, and names of models do not need them.
    if name == "import_eosnet":
        from ase_orbital.zoo.published import import_eosnet

        return import_eosnet
    if name == "register_model":
        from ase_orbital.models.loading import register_model

        return register_model
    raise AttributeError(f"module 'ase_orbital.zoo' has no attribute {name!r}")
