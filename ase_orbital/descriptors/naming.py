"""Names of descriptor classes in the settings of models and archives."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

from ase_orbital.errors import ModelError

# The descriptors of this package are named without a module.
MODULES = {
    "OFM": "ofm",
    "GOM": "gom",
    "ElementalFeatures": "elemental",
    "OneHot": "onehot",
    "OrientationalOrder": "orientation",
    "Concatenate": "concatenate",
}


def name_of(kind: type) -> str:
    """Name a class `module:class`, or by the class alone if it is of this package."""
    if kind.__module__ == f"{__package__}.{MODULES.get(kind.__name__)}":
        return kind.__name__
    if "<locals>" in kind.__qualname__:
        raise ModelError(
            f"{kind.__name__} is defined in a function and cannot be found again: "
            "define it in a module"
        )
    return f"{kind.__module__}:{kind.__qualname__}"


def class_named(name: Any, base: type) -> Any:
    """Find a subclass of `base` by its name, in modules that have been imported.

    A name may come from a file, so no module of another package is imported here.
    """
    if name in MODULES:
        return getattr(import_module(f".{MODULES[name]}", __package__), name)
    module, _, path = str(name).partition(":")
    if not path:
        raise ModelError(f"there is no descriptor {name!r}; known: {', '.join(MODULES)}")
    kind: Any = sys.modules.get(module)
    for part in path.split("."):
        kind = getattr(kind, "__dict__", {}).get(part)  # getattr can import a module
    if not (isinstance(kind, type) and issubclass(kind, base)):
        raise ModelError(
            f"the descriptor {path} of the module {module} is not loaded; import {module} "
            "before loading the model"
        )
    return kind
