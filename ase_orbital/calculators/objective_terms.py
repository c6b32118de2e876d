"""Wishes about one property each, of which a score is the sum."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import final

from ase_orbital.errors import SettingError
from ase_orbital.properties import PREFIX


@dataclass(frozen=True)
class Term(ABC):
    """One wish about one property.

    Parameters
    ----------
    name
        Of the property.
    """

    name: str

    @abstractmethod
    def __call__(self, value: float) -> float:
        """What a value adds to the score; more is better."""

    @property
    def key(self) -> str:
        """Name of this term's part in `key_value_pairs`: `orbital_band_gap_maximize`."""
        return f"{PREFIX}{self.name}_{type(self).__name__.lower()}"


@final
@dataclass(frozen=True)
class Maximize(Term):
    """The larger, the better: adds `weight` for each unit of the property.

    Parameters
    ----------
    name
        Of the property.
    weight
        Above 0.
    """

    weight: float = 1.0

    def __post_init__(self) -> None:
        """Refuse weights that would turn the wish round."""
        _positive("weight", self.weight)

    def __call__(self, value: float) -> float:
        """Weight times the value."""
        return self.weight * value


@final
@dataclass(frozen=True)
class Minimize(Term):
    """The smaller, the better: takes away `weight` for each unit of the property.

    Parameters
    ----------
    name
        Of the property.
    weight
        Above 0.
    """

    weight: float = 1.0

    def __post_init__(self) -> None:
        """Refuse weights that would turn the wish round."""
        _positive("weight", self.weight)

    def __call__(self, value: float) -> float:
        """Minus weight times the value."""
        return -self.weight * value


@final
@dataclass(frozen=True)
class Target(Term):
    """The nearer to `value`, the better: takes away `weight` for each unit of distance.

    Parameters
    ----------
    name
        Of the property.
    value
        Wanted, in the property's unit.
    weight
        Above 0.
    """

    value: float
    weight: float = 1.0

    def __post_init__(self) -> None:
        """Refuse weights that would turn the wish round."""
        _positive("weight", self.weight)

    def __call__(self, value: float) -> float:
        """Minus weight times the distance."""
        return -self.weight * abs(value - self.value)


@final
@dataclass(frozen=True)
class AtMost(Term):
    """A constraint: takes away `penalty` for a value above `limit`, and again each unit.

    The penalty is finite, because populations measure fitness between their best and worst
    scores; it should be larger than scores of good structures differ.

    Parameters
    ----------
    name
        Of the property.
    limit
        In the property's unit.
    penalty
        Above 0.
    """

    limit: float
    penalty: float = 100.0

    def __post_init__(self) -> None:
        """Refuse penalties that would be rewards."""
        _positive("penalty", self.penalty)

    def __call__(self, value: float) -> float:
        """Zero, or minus the penalty."""
        return -self.penalty * (1.0 + value - self.limit) if value > self.limit else 0.0


@final
@dataclass(frozen=True)
class AtLeast(Term):
    """A constraint: takes away `penalty` for a value below `limit`, and again each unit.

    Parameters
    ----------
    name, limit, penalty
        As for `AtMost`.
    """

    limit: float
    penalty: float = 100.0

    def __post_init__(self) -> None:
        """Refuse penalties that would be rewards."""
        _positive("penalty", self.penalty)

    def __call__(self, value: float) -> float:
        """Zero, or minus the penalty."""
        return -self.penalty * (1.0 + self.limit - value) if value < self.limit else 0.0


def _positive(name: str, value: float) -> None:
    if not 0.0 < value < math.inf:
        raise SettingError(f"{name} must be a number above 0, not {value}")
