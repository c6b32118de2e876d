"""Predicted properties and fingerprints in relaxations and structure searches.

The classes work with ASE's optimizers, molecular dynamics, basin hopping and minima
hopping, and with the populations of ase_ga, which does not have to be installed.
"""

from __future__ import annotations

from ase_orbital.calculators.fingerprint import FingerprintCalculator
from ase_orbital.calculators.objective import ObjectiveCalculator
from ase_orbital.calculators.objective_terms import (
    AtLeast,
    AtMost,
    Maximize,
    Minimize,
    Target,
)
from ase_orbital.search.comparators import Comparator, GOMComparator, OFMComparator
from ase_orbital.search.hull import Hull
from ase_orbital.search.minima import MinimaRecorder
from ase_orbital.search.niches import NICHE, Niches
from ase_orbital.search.pareto import pareto_front
from ase_orbital.search.recorder import Recorder
from ase_orbital.search.reference_phases import reference_phases
from ase_orbital.search.scores import Score
from ase_orbital.similarity.archive import Archive
from ase_orbital.similarity.entry import Entry, Match

__all__ = [
    "NICHE",
    "Archive",
    "AtLeast",
    "AtMost",
    "Comparator",
    "Entry",
    "FingerprintCalculator",
    "GOMComparator",
    "Hull",
    "Match",
    "Maximize",
    "MinimaRecorder",
    "Minimize",
    "Niches",
    "OFMComparator",
    "ObjectiveCalculator",
    "Recorder",
    "Score",
    "Target",
    "pareto_front",
    "reference_phases",
]
