"""Terms of a score as energies: without kinks and jumps, so that slopes lead there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from ase_orbital.calculators.objective_terms import (
    AtLeast,
    AtMost,
    Maximize,
    Minimize,
    Target,
)
from ase_orbital.errors import SettingError

if TYPE_CHECKING:
    from torch import Tensor

    from ase_orbital.calculators.objective_terms import Term

KINDS = (Maximize, Minimize, Target, AtMost, AtLeast)


def cost(term: Term, value: Tensor) -> Tensor:
    """What a value costs, eV: less is better.

    Parameters
    ----------
    term
        `Maximize` and `Minimize` cost minus and plus `weight * value`, as in a score;
        `Target` costs `weight * distance^2`, `AtMost` and `AtLeast` cost
        `penalty * excess^2`: weights are eV for a unit of the property, or for its square.
    value
        Of the property, in its unit; no dimension.
    """
    match term:
        case Maximize():
            return -term.weight * value
        case Minimize():
            return term.weight * value
        case Target():
            return term.weight * torch.square(value - term.value)
        case AtMost():
            return term.penalty * torch.square((value - term.limit).clamp(min=0.0))
        case AtLeast():
            return term.penalty * torch.square((term.limit - value).clamp(min=0.0))
    raise SettingError(
        f"{term!r} has no energy; terms are {', '.join(kind.__name__ for kind in KINDS)}"
    )
