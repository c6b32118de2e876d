"""Predicted band gaps and metal probabilities that contradict each other."""

from __future__ import annotations

import warnings
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

from ase_orbital.predict.periodicity import level_of_caller
from ase_orbital.properties import BAND_GAP, METAL_PROBABILITY, STD

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ase import Atoms

# By these numbers the shipped models contradict each other for 5 % of their test crystals,
# of which 34 % are in the wrong class, and 5 % of the others.
SMALL_GAP = 0.2  # eV
LARGEST = 0.3  # difference of the two probabilities of no metal


class ContradictionWarning(UserWarning):
    """A predicted band gap and a metal probability that contradict each other."""


def contradict(record: Mapping[str, Any]) -> bool:
    """Whether band gap and metal probability of a prediction contradict each other.

    They do if the probability that the gap is above 0.2 eV, according to its standard
    deviation, and the probability that the crystal is no metal differ by more than 0.3.
    Values that are missing or nan contradict nothing.
    """
    if not {BAND_GAP, METAL_PROBABILITY} <= record.keys():
        return False
    gap, std = record[BAND_GAP], record.get(BAND_GAP + STD) or 1e-6
    if std != std:  # nan, as of a structure that cannot be predicted
        return False
    above = 1.0 - NormalDist(gap, std).cdf(SMALL_GAP)
    return bool(abs(above - (1.0 - record[METAL_PROBABILITY])) > LARGEST)


def warn_of_contradictions(structures: Sequence[Atoms], records: Sequence[Any]) -> None:
    """Warn of predictions that contradict each other; errors among them are left out."""
    formulas = [
        str(atoms.symbols)
        for atoms, record in zip(structures, records, strict=True)
        if not isinstance(record, Exception) and contradict(record)
    ]
    if formulas:
        named = ", ".join(formulas[:3]) + (", ..." if len(formulas) > 3 else "")
        warnings.warn(
            f"{BAND_GAP} and {METAL_PROBABILITY} contradict each other for {len(formulas)} "
            f"of {len(records)} structures: {named}. Trust neither there.",
            ContradictionWarning,
            stacklevel=level_of_caller(),
        )
