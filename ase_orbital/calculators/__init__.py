"""Calculators of the Atomic Simulation Environment."""

from __future__ import annotations

from ase_orbital.calculators.property import PropertyCalculator

__all__ = ["PropertyCalculator"]
