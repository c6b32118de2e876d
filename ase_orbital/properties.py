"""Names of properties that this package writes, with units and meanings."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable


class Property(NamedTuple):
    """Unit, meaning and bound of a property, and how a model learns it."""

    unit: str  # "1" for a dimensionless property
    meaning: str
    transform: Literal["identity", "log10"] = "identity"  # which the network learns
    classes: bool = False  # whether the property is the probability of a class
    minimum: float = -math.inf  # no value can be below it, and no prediction is


PREFIX: Final = "orbital_"  # of names in `atoms.info`, databases and files
PREDICTED: Final = "predicted_"  # of properties whose name means another quantity

FORMATION_ENERGY: Final = "formation_energy_per_atom"
ENERGY: Final = "energy_per_atom"
HEAT_OF_FORMATION: Final = "heat_of_formation"
BAND_GAP: Final = "band_gap"
FERMI_ENERGY: Final = "fermi_energy"
BULK_MODULUS: Final = "bulk_modulus"
SHEAR_MODULUS: Final = "shear_modulus"
METAL_PROBABILITY: Final = "metal_probability"
STABILITY_PROBABILITY: Final = "stability_probability"
BAND_GAP_HSE: Final = "band_gap_hse"
PHONON_PEAK: Final = "last_phdos_peak"
REFRACTIVE_INDEX: Final = "refractive_index"

RELAXATION_ENERGY: Final = "relaxation_energy_per_atom"

STD: Final = "_std"  # suffix of a standard deviation, in the unit of the property
IN_DOMAIN: Final = "in_domain"  # 1 if a model can predict the crystal, else 0
DOMAIN_EXCESS: Final = "domain_excess"  # how far it is outside the domain, 0 inside

PROPERTIES: Final[dict[str, Property]] = {
    FORMATION_ENERGY: Property(
        "eV/atom", "relative to the elements, as in the training data"
    ),
    ENERGY: Property("eV/atom", "total energy from the code of the training data"),
    HEAT_OF_FORMATION: Property(
        "eV/atom", "relative to the hull of the training data's reference phases"
    ),
    RELAXATION_ENERGY: Property(
        "eV/atom", "above the local minimum to which the structure relaxes", minimum=0.0
    ),
    BAND_GAP: Property(
        "eV", "Kohn-Sham gap for the functional of the training data", minimum=0.0
    ),
    BAND_GAP_HSE: Property("eV", "gap of the hybrid functional HSE06", minimum=0.0),
    FERMI_ENERGY: Property("eV", "for the code and pseudopotentials of the training data"),
    BULK_MODULUS: Property("GPa", "Voigt-Reuss-Hill average", "log10", minimum=0.0),
    SHEAR_MODULUS: Property("GPa", "Voigt-Reuss-Hill average", "log10", minimum=0.0),
    PHONON_PEAK: Property(
        "1/cm", "highest peak in frequency of the phonon density of states", minimum=0.0
    ),
    REFRACTIVE_INDEX: Property(
        "1", "square root of the electronic dielectric constant", "log10", minimum=1.0
    ),
    METAL_PROBABILITY: Property(
        "1", "probability that the band gap is zero", classes=True, minimum=0.0
    ),
    STABILITY_PROBABILITY: Property(
        "1", "probability of dynamic stability", classes=True, minimum=0.0
    ),
}


def column_names(properties: Iterable[str], taken: Iterable[str]) -> dict[str, str]:
    """Return the names of predicted properties beside other quantities.

    A model can be trained on a property called `energy` or `volume`. Where that name is
    taken, the predicted one is called `predicted_energy`, so that neither replaces the
    other.
    """
    return {
        name: PREDICTED + name if {name, name.removesuffix(STD)} & set(taken) else name
        for name in properties
    }


def key_of(name: str) -> str:
    """Return the key of a value in `atoms.info`, databases and files: `orbital_<name>`.

    Databases take letters, digits and underscores only; other characters are replaced.
    """
    return PREFIX + re.sub(r"[^A-Za-z0-9_]", "_", name)


def unit_of(name: str) -> str:
    """Return the unit of a property or its standard deviation; empty if it is unknown."""
    if name in (IN_DOMAIN, DOMAIN_EXCESS):
        return "1"
    known = PROPERTIES.get(name.removesuffix(STD))
    return known.unit if known else ""


def is_energy(name: str) -> bool:
    """Whether a property is an energy per atom, which distortions of a crystal raise."""
    return unit_of(name) == "eV/atom"


def minimum_of(name: str) -> float:
    """Return the least possible value of a property; -inf if it has or needs no bound."""
    known = PROPERTIES.get(name)
    return known.minimum if known else -math.inf


def transformed_unit(unit: str, transform: str) -> str:
    """Return the unit of the transformed property, such as log10(GPa)."""
    if transform != "log10":
        return unit
    return f"log10({unit})" if unit not in ("", "1") else "log10"
