"""Elements in their reference states have formation energy zero, or a std that says so."""

import pytest
from ase.collections import dcdft

from ase_orbital import Predictor, list_models
from ase_orbital.properties import FORMATION_ENERGY, STD
from ase_orbital.zoo import read_card

ENERGIES = [
    name for name in list_models() if read_card(name).property_name == FORMATION_ENERGY
]


def wrong_references(model, n_std=3.0):
    """Return the elements in the domain whose energy differs from zero by many std."""
    predictor = Predictor(model, device="cpu", domain=True)
    records = predictor.predict_many(
        [dcdft[symbol] for symbol in dcdft.names], errors="record"
    )
    inside = {
        symbol: (record[FORMATION_ENERGY], record[FORMATION_ENERGY + STD])
        for symbol, record in zip(dcdft.names, records, strict=True)
        if record["in_domain"] == 1.0
    }
    assert len(inside) > 30
    return {name: at for name, at in inside.items() if abs(at[0]) > n_std * at[1]}


@pytest.mark.parametrize("name", ENERGIES)
def test_elements_have_energy_zero(name):
    assert wrong_references(name) == {}
