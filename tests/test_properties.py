"""Names, units and transforms of the properties."""

import math

import pytest
from ase import Atoms
from ase.db import connect

from ase_orbital import properties
from ase_orbital.properties import (
    PREFIX,
    PROPERTIES,
    STD,
    column_names,
    is_energy,
    key_of,
    minimum_of,
    transformed_unit,
    unit_of,
)


def test_a_standard_deviation_has_the_unit_of_its_property():
    for name, described in PROPERTIES.items():
        assert unit_of(name) == unit_of(name + STD) == described.unit


def test_shares_and_numbers_of_standard_deviations_have_no_unit():
    probabilities = {name for name in PROPERTIES if name.endswith("_probability")}
    assert probabilities == {name for name, p in PROPERTIES.items() if p.classes}
    for name in (*probabilities, properties.IN_DOMAIN, properties.DOMAIN_EXCESS):
        assert unit_of(name) == "1"


def test_an_unknown_name_has_no_known_unit():
    assert unit_of("toughness") == unit_of("toughness" + STD) == ""


def test_moduli_and_refractive_indices_are_learned_as_logarithms():
    logarithms = {"bulk_modulus", "shear_modulus", "refractive_index"}
    for name, described in PROPERTIES.items():
        unit = described.unit
        logarithm = "log10" if unit == "1" else f"log10({unit})"
        expected = logarithm if name in logarithms else unit
        assert transformed_unit(unit, described.transform) == expected


def test_energies_have_no_bound_and_other_properties_are_not_negative():
    for name in PROPERTIES:
        energy = is_energy(name) or name == properties.FERMI_ENERGY
        energy = energy and name != properties.RELAXATION_ENERGY
        lowest = float(name == properties.REFRACTIVE_INDEX)  # that of the vacuum
        assert minimum_of(name) == (-math.inf if energy else lowest)
    assert minimum_of("toughness") == minimum_of("band_gap_std") == -math.inf


@pytest.mark.parametrize("name", PROPERTIES)
def test_a_name_can_be_a_column_of_an_ase_database(name, tmp_path):
    with connect(tmp_path / "crystals.db") as database:
        database.write(Atoms("He"), {PREFIX + name: 1.5, PREFIX + name + STD: 0.25})
    (row,) = connect(tmp_path / "crystals.db").select(f"{PREFIX}{name}>1")
    assert row[PREFIX + name + STD] == 0.25


def test_every_constant_of_a_property_is_described():
    others = {"PREFIX", "PREDICTED", "STD", "IN_DOMAIN", "DOMAIN_EXCESS"}
    constants = {
        value
        for name, value in vars(properties).items()
        if name.isupper() and isinstance(value, str) and name not in others
    }
    assert constants == PROPERTIES.keys()


def test_a_learned_quantity_is_told_apart_from_a_known_one():
    names = column_names(["energy", "energy_std", "band_gap"], ["energy", "step"])
    assert names == {
        "energy": "predicted_energy",
        "energy_std": "predicted_energy_std",
        "band_gap": "band_gap",
    }


def test_every_name_gives_a_key_of_databases():
    assert key_of("band_gap") == "orbital_band_gap"
    assert key_of("vol/atom (Å)") == "orbital_vol_atom____"
