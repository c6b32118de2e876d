"""Descriptors as plain dictionaries, so that a saved model knows what it was fed."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ase_orbital.descriptors.concatenate import Concatenate
from ase_orbital.descriptors.elemental import ElementalFeatures
from ase_orbital.descriptors.gom import GOM
from ase_orbital.descriptors.ofm import OFM
from ase_orbital.descriptors.onehot import OneHot
from ase_orbital.errors import ModelError

if TYPE_CHECKING:
    from ase_orbital.descriptors.base import Descriptor

KINDS: dict[str, type[Descriptor]] = {
    kind.__name__: kind for kind in (OFM, GOM, ElementalFeatures, OneHot)
}
# How to compute, as against what: a model's user decides, not its file.
COMPUTING = ("dtype", "device")


def to_settings(descriptor: Descriptor) -> dict[str, Any]:
    """Name and settings of a descriptor, as JSON-plain values."""
    if isinstance(descriptor, Concatenate):
        parts = [to_settings(part) for part in descriptor.parts]
        return {"name": "Concatenate", "parts": parts}
    name = type(descriptor).__name__
    if KINDS.get(name) is not type(descriptor):
        raise ModelError(
            f"{name} is not one of the descriptors a model can be saved with: "
            f"{', '.join([*KINDS, 'Concatenate'])}"
        )
    settings = asdict(descriptor)  # type: ignore[call-overload]  # every kind is a dataclass
    return {"name": name} | {
        key: plain(value) for key, value in settings.items() if key not in COMPUTING
    }


def computing(descriptor: Descriptor, dtype: str, device: str = "cpu") -> Descriptor:
    """Let a descriptor compute in a precision, "float32" or "float64", and at a place."""
    if isinstance(descriptor, Concatenate):
        return Concatenate(*(computing(part, dtype, device) for part in descriptor.parts))
    if isinstance(descriptor, GOM):
        return replace(descriptor, dtype=dtype, device=device)  # type: ignore[arg-type]
    return descriptor


def plain(value: Any) -> Any:
    """Turn a numpy scalar into a number, which JSON and matgl's loader take."""
    return value.item() if isinstance(value, np.generic) else value


def from_settings(settings: dict[str, Any]) -> Descriptor:
    """Take back what `to_settings` made.

    Raises
    ------
    ModelError
        If the name or a setting is unknown, as in a file of a later version.
    """
    values = dict(settings)
    name = values.pop("name", None)
    if name != "Concatenate" and name not in KINDS:
        raise ModelError(
            f"there is no descriptor {name!r}; known: {', '.join([*KINDS, 'Concatenate'])}"
        )
    try:
        if name == "Concatenate":
            return Concatenate(*map(from_settings, values["parts"]))
        return KINDS[name](**values)
    except ModelError:
        raise
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(
            f"descriptor {name} does not have these settings: {error}"
        ) from error
