"""Calculators for the Atomic Simulation Environment (ASE)."""

from __future__ import annotations

from ase_orbital.calculators.property import PropertyCalculator

__all__ = ["PropertyCalculator"]
