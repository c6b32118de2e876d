"""From structures to numbers with names and units."""

from __future__ import annotations

from ase_orbital.predict.predictor import Predictor

__all__ = ["Predictor"]
