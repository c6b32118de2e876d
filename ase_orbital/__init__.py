"""Descriptors and learned properties of crystals, from an `ase.Atoms`.

Names are imported when first used: `import ase_orbital` itself costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ase_orbital.calculators.fingerprint import FingerprintCalculator
    from ase_orbital.calculators.property import PropertyCalculator
    from ase_orbital.descriptors.concatenate import Concatenate
    from ase_orbital.descriptors.elemental import ElementalFeatures
    from ase_orbital.descriptors.gom import GOM
    from ase_orbital.descriptors.ofm import OFM
    from ase_orbital.descriptors.onehot import OneHot
    from ase_orbital.predict.predictor import Predictor
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

_MODULES = {
    "FingerprintCalculator": "calculators.fingerprint",
    "GOM": "descriptors.gom",
    "OFM": "descriptors.ofm",
    "Concatenate": "descriptors.concatenate",
    "ElementalFeatures": "descriptors.elemental",
    "OneHot": "descriptors.onehot",
    "Predictor": "predict.predictor",
    "PropertyCalculator": "calculators.property",
    "list_models": "zoo.folders",
    "load_model": "zoo.folders",
}
_PACKAGES = (
    "calculators",
    "descriptors",
    "elements",
    "errors",
    "graphs",
    "models",
    "plotting",
    "predict",
    "properties",
    "search",
    "structure",
    "testing",
    "training",
    "zoo",
)


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(import_module(f"ase_orbital.{_MODULES[name]}"), name)
    if name in _PACKAGES:
        return import_module(f"ase_orbital.{name}")
    raise AttributeError(f"module 'ase_orbital' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({"__version__", *__all__, *_PACKAGES})
