"""Figures of descriptors, models and predictions. They need matplotlib (extra `plot`).

Every function takes values and returns a matplotlib `Figure` that is independent of pyplot
and its global state. Save it with `figure.savefig(path)`. `label` and `unit` are written at
the axis of the values, and `title` above the axes or panels. Figures of one panel are drawn
into axes of your own if you give them as `ax`. A `SettingError` is raised if there is
nothing to draw.
"""

from __future__ import annotations

from ase_orbital.plotting.curves import (
    ablation,
    compare_models,
    learning_curve,
    roc_curves,
    training_history,
)
from ase_orbital.plotting.descriptors import orbital_fields, overlap_matrix, spectra
from ase_orbital.plotting.distributions import distributions
from ase_orbital.plotting.errors import error_by_element, error_by_size, parity
from ase_orbital.plotting.maps import property_map, similarity_map
from ase_orbital.plotting.neighbors import neighbor_weights
from ase_orbital.plotting.path import along_path

__all__ = [
    "ablation",
    "along_path",
    "compare_models",
    "distributions",
    "error_by_element",
    "error_by_size",
    "learning_curve",
    "neighbor_weights",
    "orbital_fields",
    "overlap_matrix",
    "parity",
    "property_map",
    "roc_curves",
    "similarity_map",
    "spectra",
    "training_history",
]
