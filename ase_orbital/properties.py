"""Every property name this package writes, with its unit and meaning."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple


class Property(NamedTuple):
    """How to read a value, and how a model learns it.

    Attributes
    ----------
    unit
        "1" for a number without.
    meaning
        In a few words.
    transform
        What of it the network sees.
    classes
        Whether it is a probability, learned as a class.
    """

    unit: str
    meaning: str
    transform: Literal["identity", "log10"] = "identity"
    classes: bool = False


PREFIX: Final = "orbital_"  # in front of what is written where others' names live

FORMATION_ENERGY: Final = "formation_energy_per_atom"
ENERGY: Final = "energy_per_atom"
HEAT_OF_FORMATION: Final = "heat_of_formation"
BAND_GAP: Final = "band_gap"
FERMI_ENERGY: Final = "fermi_energy"
BULK_MODULUS: Final = "bulk_modulus"
SHEAR_MODULUS: Final = "shear_modulus"
METAL_PROBABILITY: Final = "metal_probability"
STABILITY_PROBABILITY: Final = "stability_probability"

STD: Final = "_std"  # behind a property: its standard deviation, in the same unit
IN_DOMAIN: Final = "in_domain"  # 1 where a crystal is like those trained on, else 0
DOMAIN_EXCESS: Final = "domain_excess"  # how far outside, in standard deviations

PROPERTIES: Final[dict[str, Property]] = {
    FORMATION_ENERGY: Property(
        "eV/atom", "relative to the elements, as in the training data"
    ),
    ENERGY: Property("eV/atom", "total energy, of the code of the training data"),
    HEAT_OF_FORMATION: Property(
        "eV/atom", "relative to the hull of the training data's reference phases"
    ),
    BAND_GAP: Property("eV", "Kohn-Sham gap, of the functional of the training data"),
    FERMI_ENERGY: Property("eV", "of the code and pseudopotentials of the training data"),
    BULK_MODULUS: Property("GPa", "Voigt-Reuss-Hill average", transform="log10"),
    SHEAR_MODULUS: Property("GPa", "Voigt-Reuss-Hill average", transform="log10"),
    METAL_PROBABILITY: Property("1", "that the band gap is zero", classes=True),
    STABILITY_PROBABILITY: Property("1", "of dynamic stability", classes=True),
}


def unit_of(name: str) -> str:
    """Unit of a property or its standard deviation; empty for an unknown name."""
    if name in (IN_DOMAIN, DOMAIN_EXCESS):
        return "1"
    name = name.removesuffix(STD)
    return PROPERTIES[name].unit if name in PROPERTIES else ""


def learned_unit_of(name: str, transform: str) -> str:
    """Unit of what is learned of a property, such as log10(GPa)."""
    unit = unit_of(name)
    return f"log10({unit})" if transform == "log10" else unit
