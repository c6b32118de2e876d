"""Figures of descriptors, models and predictions. They need matplotlib (extra `plot`).

Every function takes values and returns a matplotlib `Figure` that is independent of pyplot
and its global state. Save it with `figure.savefig(path)`.
"""

from __future__ import annotations

from ase_orbital.plotting.comparison import compare_models, learning_curve
from ase_orbital.plotting.descriptors import orbital_fields, spectra
from ase_orbital.plotting.distributions import distributions
from ase_orbital.plotting.errors import error_by_element, error_by_size
from ase_orbital.plotting.history import training_history
from ase_orbital.plotting.maps import property_map, similarity_map
from ase_orbital.plotting.neighbors import neighbor_weights
from ase_orbital.plotting.parity import parity
from ase_orbital.plotting.path import along_path
from ase_orbital.plotting.roc import roc_curves

__all__ = [
    "along_path",
    "compare_models",
    "distributions",
    "error_by_element",
    "error_by_size",
    "learning_curve",
    "neighbor_weights",
    "orbital_fields",
    "parity",
    "property_map",
    "roc_curves",
    "similarity_map",
    "spectra",
    "training_history",
]
