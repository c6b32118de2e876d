"""Calculators that others add to, or pass on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ase_orbital.errors import SettingError

if TYPE_CHECKING:
    from ase import Atoms
    from ase.calculators.calculator import Calculator


def checked_base(base: Calculator | None) -> Calculator | None:
    """Return a base as it is; SettingError if it is not a calculator."""
    if isinstance(base, type):
        raise SettingError(
            f"base must be a calculator, not its class; write base={base.__name__}(...)"
        )
    if not (base is None or hasattr(base, "get_property")):
        raise SettingError(f"base must be an ASE calculator, not {base!r}")
    return base


def offered_by(base: Calculator | None) -> list[str]:
    """Return the names of the properties that a base can give.

    The calculator of atoms that were read from a file implements none: it has results.
    """
    if base is None:
        return []
    results = getattr(base, "results", {})
    return list(dict.fromkeys([*base.implemented_properties, *results]))


def known_to(base: Calculator | None, atoms: Atoms) -> dict[str, Any]:
    """Return the results that a base already has for these atoms.

    Numbers in single precision, such as those of CHGNet, become double: ASE writes their
    bytes into databases, and reads these as numbers in double precision.
    """
    results: dict[str, Any] = getattr(base, "results", {})
    if base is None or not results or base.calculation_required(atoms, [*results]):
        return {}
    return {name: _in_double_precision(value) for name, value in results.items()}


def _in_double_precision(value: Any) -> Any:
    return value.astype(float) if getattr(value, "dtype", None) == np.float32 else value
