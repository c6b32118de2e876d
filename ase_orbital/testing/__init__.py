"""Invariance checks for descriptors and models, for your own tests."""

from __future__ import annotations

from ase_orbital.testing.invariance import (
    assert_function_of_the_crystal,
    assert_invariant,
    same_crystals,
)

__all__ = ["assert_function_of_the_crystal", "assert_invariant", "same_crystals"]
