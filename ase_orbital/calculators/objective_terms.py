"""Terms of an objective: how a structure is rated by the value of one property.

Each term has a score for populations, of which more is better, and an energy for
calculators, of which less is better. The energy has no kinks and no jumps, so that an
optimizer can follow its gradient.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

from ase_orbital.errors import SettingError
from ase_orbital.properties import PREFIX

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Term(ABC):
    """Rates the value of one property.

    Parameters
    ----------
    name
        Name of the property.
    """

    name: str

    def __post_init__(self) -> None:
        """Require a positive weight or penalty."""
        for setting in ("weight", "penalty"):
            value = getattr(self, setting, 1.0)
            if not 0.0 < value < math.inf:
                raise SettingError(f"{setting} must be a number above 0, not {value}")

    @abstractmethod
    def __call__(self, value: float) -> float:
        """Contribution of a value to the score; more is better."""

    @abstractmethod
    def energy(self, value: Tensor) -> Tensor:
        """Contribution of a value to the energy; less is better.

        Parameters
        ----------
        value : scalar tensor
            Value of the property in its unit.

        Returns
        -------
        scalar tensor
            eV. Weights and penalties are in eV per unit of the property, or per its square.
        """

    @property
    def key(self) -> str:
        """Name of the score in `key_value_pairs`: `orbital_band_gap_maximize`."""
        return f"{PREFIX}{self.name}_{type(self).__name__.lower()}"


@final
@dataclass(frozen=True)
class Maximize(Term):
    """Prefer larger values: score `weight * value`, energy `-weight * value`.

    Parameters
    ----------
    name
        Name of the property.
    weight
        Positive weight per unit of the property.
    """

    weight: float = 1.0

    def __call__(self, value: float) -> float:
        """Weighted value."""
        return self.weight * value

    def energy(self, value: Tensor) -> Tensor:
        """Negative weighted value."""
        return -self.weight * value


@final
@dataclass(frozen=True)
class Minimize(Term):
    """Prefer smaller values: score `-weight * value`, energy `weight * value`.

    Parameters
    ----------
    name
        Name of the property.
    weight
        Positive weight per unit of the property.
    """

    weight: float = 1.0

    def __call__(self, value: float) -> float:
        """Negative weighted value."""
        return -self.weight * value

    def energy(self, value: Tensor) -> Tensor:
        """Weighted value."""
        return self.weight * value


@final
@dataclass(frozen=True)
class Target(Term):
    """Prefer values near a target.

    The score is `-weight * |value - target|`, the energy `weight * (value - target)^2`.

    Parameters
    ----------
    name
        Name of the property.
    value
        Target value in the unit of the property.
    weight
        Positive weight.
    """

    value: float
    weight: float = 1.0

    def __call__(self, value: float) -> float:
        """Negative weighted distance from the target."""
        return -self.weight * abs(value - self.value)

    def energy(self, value: Tensor) -> Tensor:
        """Weighted square of the distance from the target."""
        return self.weight * (value - self.value).square()


@final
@dataclass(frozen=True)
class AtMost(Term):
    """Penalize values above a limit.

    With `excess = value - limit`, where it is positive, the score is
    `-penalty * (1 + excess)` and the energy `penalty * excess^2`. The score is finite,
    because populations scale the fitness between their best and worst scores; choose a
    penalty larger than the differences between scores of good structures.

    Parameters
    ----------
    name
        Name of the property.
    limit
        Largest value without penalty, in the unit of the property.
    penalty
        Positive penalty.
    """

    limit: float
    penalty: float = 100.0

    def __call__(self, value: float) -> float:
        """Zero, or the negative penalty."""
        return -self.penalty * (1.0 + value - self.limit) if value > self.limit else 0.0

    def energy(self, value: Tensor) -> Tensor:
        """Penalty times the square of the excess."""
        return self.penalty * (value - self.limit).clamp(min=0.0).square()


@final
@dataclass(frozen=True)
class AtLeast(Term):
    """Penalize values below a limit; otherwise like `AtMost`.

    Parameters
    ----------
    name, limit, penalty
        As for `AtMost`.
    """

    limit: float
    penalty: float = 100.0

    def __call__(self, value: float) -> float:
        """Zero, or the negative penalty."""
        return -self.penalty * (1.0 + self.limit - value) if value < self.limit else 0.0

    def energy(self, value: Tensor) -> Tensor:
        """Penalty times the square of the shortfall."""
        return self.penalty * (self.limit - value).clamp(min=0.0).square()
