"""Descriptors and learned properties of crystals, from an `ase.Atoms`.

Names are imported when first used: `import ase_orbital` itself costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ase_orbital.calculators.property import PropertyCalculator
    from ase_orbital.descriptors.concatenate import Concatenate
    from ase_orbital.descriptors.elemental import ElementalFeatures
    from ase_orbital.descriptors.gom import GOM
    from ase_orbital.descriptors.ofm import OFM
    from ase_orbital.descriptors.onehot import OneHot
    from ase_orbital.predict.predictor import Predictor
    from ase_orbital.calculators.fingerprint import FingerprintCalculator
    from ase_orbital.zoo.folders import list_models, load_model

__version__ = version("ase-orbital")

__all__ = [
    "GOM",
    "OFM",
    "Concatenate",
    "ElementalFeatures",
    "FingerprintCalculator",
    "OneHot",
    "Predictor",
    "PropertyCalculator",
    "list_models",
    "load_model",
]

_HOMES = {
    "FingerprintCalculator": "search.fingerprint_calculator",
    "GOM": "descriptors.gom",
    "OFM": "descriptors.ofm",
    "Concatenate": "descriptors.concatenate",
    "ElementalFeatures": "descriptors.elemental",
    "OneHot": "descriptors.onehot",
    "Predictor": "predict.predictor",
    "PropertyCalculator": "calculators.property_calculator",
    "list_models": "zoo.folders",
    "load_model": "zoo.folders",
}
_ROOMS = (
    "calculators",
    "descriptors",
    "elements",
    "errors",
    "graphs",
    "keys",
    "models",
    "plotting",
    "predict",
    "search",
    "structure",
    "testing",
    "training",
    "zoo",
)


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"ase_orbital.{_HOMES[name]}"), name)
    if name in _ROOMS:
        return import_module(f"ase_orbital.{name}")
    raise AttributeError(f"module 'ase_orbital' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({"__version__", *__all__, *_ROOMS})
