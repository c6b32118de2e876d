"""Checks of descriptors, models and calculators, for your own tests.

`python -m ase_orbital.testing gom --number 1000` runs them on random structures.
"""

from __future__ import annotations

from ase_orbital.testing.conformance import (
    Finding,
    assert_conforms,
    calculator_check,
    compression,
    conformance,
    descriptor_check,
    largest_jump,
    predictor_check,
)
from ase_orbital.testing.invariance import (
    assert_function_of_the_crystal,
    assert_invariant,
    same_crystals,
)
from ase_orbital.testing.random_structures import random_structure

__all__ = [
    "Finding",
    "assert_conforms",
    "assert_function_of_the_crystal",
    "assert_invariant",
    "calculator_check",
    "compression",
    "conformance",
    "descriptor_check",
    "largest_jump",
    "predictor_check",
    "random_structure",
    "same_crystals",
]
