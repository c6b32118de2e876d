"""Predict for any number of structures, from files into shards of results."""

from __future__ import annotations

from ase_orbital.screening.conversion import convert
from ase_orbital.screening.results import Results, read_results
from ase_orbital.screening.run import screen
from ase_orbital.screening.selection import select

__all__ = ["Results", "convert", "read_results", "screen", "select"]
