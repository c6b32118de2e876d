"""Tables of the elements, indexed by atomic number, with checksums and sources."""

from __future__ import annotations

from ase_orbital.elements.jarvis import ElementalTable, jarvis_features
from ase_orbital.elements.radii import covalent_radii
from ase_orbital.elements.symbols import SYMBOLS, require
from ase_orbital.elements.tables import Provenance, provenance
from ase_orbital.elements.valence import ORBITALS, valence_configurations, valence_vectors

__all__ = [
    "ORBITALS",
    "SYMBOLS",
    "ElementalTable",
    "Provenance",
    "covalent_radii",
    "jarvis_features",
    "provenance",
    "require",
    "valence_configurations",
    "valence_vectors",
]
