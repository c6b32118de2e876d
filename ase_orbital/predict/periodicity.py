"""Structures that are periodic in other directions than those of the training sets."""

from __future__ import annotations

import warnings
from inspect import currentframe
from typing import TYPE_CHECKING

from ase_orbital.neighbors.periodicity import VACUUM, n_periodic

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms


class PeriodicityWarning(UserWarning):
    """A prediction for a slab, wire or molecule by a model that has seen crystals only."""


def warn_of_periodicity(
    structures: Sequence[Atoms], known: Sequence[Sequence[int] | None]
) -> list[int]:
    """Warn of structures that are periodic in a number of directions that is new to models.

    Parameters
    ----------
    structures
        Valid structures.
    known
        Numbers of periodic directions in the training set of each model; None if they are
        not known.

    Returns
    -------
    list of int
        Indices of these structures.
    """
    trained = [set(numbers) for numbers in known if numbers is not None]
    if not trained:
        return []
    common = set.intersection(*trained)
    found = [n_periodic(atoms) for atoms in structures]
    strange = [index for index, number in enumerate(found) if number not in common]
    if strange:
        first = strange[0]
        numbers = " or ".join(map(str, sorted(set.union(*trained))))
        warnings.warn(
            f"{len(strange)} of {len(structures)} structures are unlike those the models "
            f"were trained on: {structures[first].symbols} is periodic in {found[first]} "
            f"directions, and not in {numbers} (a vacuum of more than {VACUUM:g} Å ends "
            "the periodicity). Their predictions are extrapolations.",
            PeriodicityWarning,
            stacklevel=level_of_caller(),
        )
    return strange


def level_of_caller() -> int:
    """Count the calls up to the first that is neither ours nor a decorator's."""
    level, frame = 0, currentframe()
    while frame and frame.f_globals["__name__"].startswith(("ase_orbital.", "contextlib")):
        level, frame = level + 1, frame.f_back
    return level
