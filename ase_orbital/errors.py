"""Exceptions of this package.

Messages say what is wrong, where, and how to fix it. All exceptions that a user can cause
are also ValueErrors.
"""

from __future__ import annotations

import math
import os
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
R = TypeVar("R")


class OrbitalError(Exception):
    """Base class of all exceptions of this package."""


class StructureError(OrbitalError, ValueError):
    """Invalid or unsupported structure."""


class ElementError(StructureError):
    """Element without an entry in a table, or unknown to a model."""


class SettingError(OrbitalError, ValueError):
    """Invalid setting."""


class GraphError(OrbitalError, ValueError):
    """Graph without the fields that a model needs."""


class ModelError(OrbitalError, ValueError):
    """Unknown, damaged or unsuitable model."""


class DataError(OrbitalError, ValueError):
    """Invalid data set, or invalid file of data."""


class ConvergenceError(OrbitalError, ArithmeticError):
    """An iteration did not converge."""


class ProcessError(OrbitalError, RuntimeError):
    """A worker process ended before its work was done."""


def check_whole(
    name: str,
    value: object,
    least: int,
    most: int | None = None,
    error: type[OrbitalError] = SettingError,
) -> None:
    """Raise an error unless a value is a whole number from `least` to `most`."""
    whole = isinstance(value, Integral) and not isinstance(value, bool)
    highest = math.inf if most is None else most
    if not (whole and least <= int(value) <= highest):  # type: ignore[call-overload]
        end = "" if most is None else f" to {most:,}"
        raise error(f"{name} must be a whole number from {least}{end}, not {value!r}")


def check_path(name: str, value: object, error: type[OrbitalError] = SettingError) -> Path:
    """Return a path; raise an error if a value is no path, or is empty."""
    if not isinstance(value, str | os.PathLike) or not str(value):
        raise error(f"{name} must be a path, not {value!r}")
    return Path(value)


def attempt(function: Callable[[T], R], argument: T) -> R | OrbitalError:
    """Call a function, and return an exception of this package instead of raising it."""
    try:
        return function(argument)
    except OrbitalError as error:
        return error
