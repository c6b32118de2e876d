"""Terms of an objective: how a structure is rated by the value of one property.

Each term has a score for populations, of which more is better, and an energy for
calculators, of which less is better. The energy has no kinks and no jumps, so that an
optimizer can follow its gradient.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, ClassVar, final

from ase_orbital.errors import SettingError
from ase_orbital.properties import key_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

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
        """Require finite numbers, and a positive weight or penalty."""
        for setting in ("value", "limit", "weight", "penalty"):
            value = getattr(self, setting, 1.0)
            finite = isinstance(value, Real) and math.isfinite(value)
            positive = setting in ("weight", "penalty")
            if not finite or (positive and not value > 0.0):
                wanted = "a number above 0" if positive else "a finite number"
                raise SettingError(f"{setting} must be {wanted}, not {value!r}")

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
        return key_of(f"{self.name}_{type(self).__name__.lower()}")


@dataclass(frozen=True)
class Linear(Term):
    """Term that is proportional to the value; the score is `sign * weight * value`."""

    sign: ClassVar[float]
    weight: float = 1.0

    def __call__(self, value: float) -> float:
        """Weighted value."""
        return self.sign * self.weight * value

    def energy(self, value: Tensor) -> Tensor:
        """Negative score."""
        return -self.sign * self.weight * value


@final
@dataclass(frozen=True)
class Maximize(Linear):
    """Prefer larger values: score `weight * value`, energy `-weight * value`.

    Parameters
    ----------
    name
        Name of the property.
    weight
        Positive weight per unit of the property.
    """

    sign = 1.0


@final
@dataclass(frozen=True)
class Minimize(Linear):
    """Prefer smaller values; the negative of `Maximize`."""

    sign = -1.0


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


@dataclass(frozen=True)
class Limit(Term):
    """Penalizes the excess `sign * (value - limit)` where it is positive."""

    sign: ClassVar[float]
    limit: float
    penalty: float = 100.0

    def __call__(self, value: float) -> float:
        """Zero, or the negative penalty."""
        excess = self.sign * (value - self.limit)
        return -self.penalty * (1.0 + excess) if excess > 0.0 else 0.0

    def energy(self, value: Tensor) -> Tensor:
        """Penalty times the square of the excess."""
        return self.penalty * (self.sign * (value - self.limit)).clamp(min=0.0).square()


@final
@dataclass(frozen=True)
class AtMost(Limit):
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

    sign = 1.0


@final
@dataclass(frozen=True)
class AtLeast(Limit):
    """Penalize values below a limit; otherwise like `AtMost`."""

    sign = -1.0


def checked_terms(
    terms: Iterable[Term] | Term,
    properties: Sequence[str],
    given: Sequence[str] = (),
    more: Sequence[Term] = (),
) -> tuple[Term, ...]:
    """Return terms of these properties or given values; SettingError for any others."""
    checked = ((terms,) if isinstance(terms, Term) else tuple(terms)) + tuple(more)
    if not checked:
        raise SettingError("give at least one term, such as Maximize(...)")
    for term in checked:
        if not isinstance(term, Term):
            raise SettingError(
                f"{term!r} is not a term; give Maximize, Minimize, Target, AtMost or "
                "AtLeast"
            )
        if term.name not in {*properties, *given}:
            raise SettingError(
                f"{term.name!r} is not predicted; the models have {', '.join(properties)} "
                "(a Score also takes values that are named in `given`)"
            )
    return checked
