"""Descriptors and learned properties of crystals, from an `ase.Atoms`.

Names are imported when first used: `import ase_orbital` itself costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ase_orbital.calculators.fingerprint import (
        FingerprintCalculator as FingerprintCalculator,
    )
    from ase_orbital.calculators.property import PropertyCalculator as PropertyCalculator
    from ase_orbital.descriptors.concatenate import Concatenate as Concatenate
    from ase_orbital.descriptors.elemental import ElementalFeatures as ElementalFeatures
    from ase_orbital.descriptors.gom import GOM as GOM
    from ase_orbital.descriptors.ofm import OFM as OFM
    from ase_orbital.descriptors.onehot import OneHot as OneHot
    from ase_orbital.descriptors.orientation import OrientationalOrder as OrientationalOrder
    from ase_orbital.predict.predictor import Predictor as Predictor
    from ase_orbital.zoo.folders import list_models as list_models
    from ase_orbital.zoo.folders import load_model as load_model

__version__ = version("ase-orbital")

_MODULES = {
    "FingerprintCalculator": "calculators.fingerprint",
    "GOM": "descriptors.gom",
    "OFM": "descriptors.ofm",
    "Concatenate": "descriptors.concatenate",
    "ElementalFeatures": "descriptors.elemental",
    "OneHot": "descriptors.onehot",
    "OrientationalOrder": "descriptors.orientation",
    "Predictor": "predict.predictor",
    "PropertyCalculator": "calculators.property",
    "list_models": "zoo.folders",
    "load_model": "zoo.folders",
}
__all__ = list(_MODULES)


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(import_module(f"ase_orbital.{_MODULES[name]}"), name)
    if not name.startswith("_") and find_spec(f"ase_orbital.{name}"):
        return import_module(f"ase_orbital.{name}")
    raise AttributeError(f"module 'ase_orbital' has no attribute {name!r}")


def __dir__() -> list[str]:
    packages = {module.name for module in iter_modules(__path__)} - {"__main__"}
    return sorted({"__version__", *__all__, *packages})
