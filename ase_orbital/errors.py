"""What can go wrong, and for whom.

Every error a user can cause says what was found, where, and what to do. Each is also the
builtin that callers without this package at hand would catch.
"""

from __future__ import annotations


class OrbitalError(Exception):
    """Base of all errors raised by this package."""


class StructureError(OrbitalError, ValueError):
    """A structure cannot be described as it is given."""


class ElementError(StructureError):
    """An element has no entry in a table, or is unknown to a model."""


class SettingError(OrbitalError, ValueError):
    """A setting has a value that means nothing."""


class GraphError(OrbitalError, ValueError):
    """A graph does not carry what a model needs."""


class ModelError(OrbitalError, ValueError):
    """A model is unknown, damaged, or does not fit what is asked of it."""


class DataError(OrbitalError, ValueError):
    """Crystals or values to learn from cannot be used as they are given."""


class ProcessError(OrbitalError, RuntimeError):
    """A worker process ended before its work was done."""
