"""Columns of records: known quantities, labels and predictions keep apart."""

import math

import pytest

from ase_orbital import Predictor
from ase_orbital.errors import SettingError
from ase_orbital.models import EOSNet
from ase_orbital.search import Recorder


def test_columns_of_a_record_are_never_those_of_a_model(atoms):
    names = ["energy", "volume", "step"]
    models = [EOSNet(property_name=name, n_hidden=8) for name in names]
    predictor = Predictor(models, device="cpu")
    recorder = Recorder(predictor)
    energy = atoms.get_potential_energy()
    record = recorder.record(atoms, step=3)
    expected = predictor.predict(atoms)
    assert (record["energy"], record["volume"]) == (energy, atoms.get_volume())
    assert record["step"] == 3
    assert {name: record[f"predicted_{name}"] for name in names} == expected
    assert recorder.units["volume"] == "Å³"
    assert recorder.units["predicted_volume"] == ""
    assert len(recorder.plot().axes) == 4


def test_a_label_does_not_replace_a_quantity(atoms, predictor):
    for name in ("energy", "band_gap"):
        with pytest.raises(SettingError, match=f"'{name}' is a column already"):
            Recorder(predictor).record(atoms, **{name: 0.0})


def test_a_prediction_that_is_no_number_does_not_end_the_run(atoms):
    model = EOSNet(property_name="band_gap", target_mean=math.inf)
    record = Recorder(Predictor(model, device="cpu")).record(atoms)
    assert math.isnan(record["band_gap"])
    assert "inf" in record["reason"]
