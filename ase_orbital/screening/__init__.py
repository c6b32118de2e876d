"""Predict for any number of structures, from files into shards of results."""

from __future__ import annotations

from ase_orbital.screening.results import Results, read_results
from ase_orbital.screening.run import screen

__all__ = ["Results", "read_results", "screen"]
