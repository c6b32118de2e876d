"""Slabs and molecules come with a warning, and are outside of every domain of crystals."""

import warnings

import pytest
import torch
from ase.build import bulk, fcc111, molecule

from ase_orbital import Predictor, load_model
from ase_orbital.models import EOSNet
from ase_orbital.predict import PeriodicityWarning

MODULUS = "eosnet-bulk-modulus-mp"
SLAB = fcc111("Cu", (1, 1, 3), vacuum=8.0)
CLOSED = SLAB.copy()
CLOSED.pbc = True


@pytest.mark.parametrize(
    "atoms", [SLAB, CLOSED, molecule("CH4")], ids=["slab", "pbc", "CH4"]
)
def test_what_is_no_crystal_is_warned_of_and_outside(atoms):
    predictor = Predictor(MODULUS, domain=True)
    with pytest.warns(PeriodicityWarning, match=r"1 of 1 structures .* and not in 3"):
        assert predictor.predict(atoms)["in_domain"] == 0.0
    with pytest.warns(PeriodicityWarning, match="1 of 2 structures"):
        records = predictor.predict_many([bulk("Cu"), atoms])
    assert [record["in_domain"] for record in records] == [1.0, 0.0]
    with pytest.warns(PeriodicityWarning, match="Å ends the periodicity"):
        Predictor(MODULUS).predict(atoms)  # also when the domain is not asked for
    with pytest.warns(PeriodicityWarning):
        records = predictor.predict_many(["absent.cif", atoms], errors="record")
    assert records[1]["in_domain"] == 0.0


def test_the_warning_points_to_the_caller():
    with pytest.warns(PeriodicityWarning) as caught:
        Predictor(MODULUS).predict(SLAB)
    assert caught[0].filename == __file__


def test_a_model_knows_what_it_was_trained_on(tmp_path):
    torch.manual_seed(0)
    for known in ([0, 3], None):
        model = EOSNet(property_name="band_gap", periodicities=known)
        model.save(tmp_path / "model")
        assert load_model(tmp_path / "model").periodicities == known
        with warnings.catch_warnings(action="error", category=PeriodicityWarning):
            Predictor(tmp_path / "model").predict_many([molecule("H2O"), bulk("Cu")])
    with pytest.warns(
        PeriodicityWarning, match="is periodic in 2 directions, and not in 0"
    ):
        Predictor(EOSNet(periodicities=[0, 3])).predict(SLAB)
    assert EOSNet(elements=[29]).periodicities == [3]
    assert load_model(MODULUS).periodicities == [3]
