"""Predict named properties, with units, from structures."""

from __future__ import annotations

from ase_orbital.predict.contradictions import ContradictionWarning
from ase_orbital.predict.periodicity import PeriodicityWarning
from ase_orbital.predict.predictor import Predictor

__all__ = ["ContradictionWarning", "PeriodicityWarning", "Predictor"]
