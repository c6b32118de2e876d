"""Files of records: one line, frame or row per step."""

import csv
import math

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.calculator import all_properties
from ase.calculators.emt import EMT
from ase.db import connect
from ase.filters import FrechetCellFilter
from ase.io import read
from ase.optimize import FIRE

from ase_orbital import Predictor
from ase_orbital.errors import DataError, SettingError
from ase_orbital.models import EOSNet
from ase_orbital.search import Recorder
from ase_orbital.search.records import KEPT, WRITERS, Output, cached, frame, key_value_pairs


@pytest.mark.parametrize("suffix", ["csv", "extxyz", "xyz", "traj", "db"])
def test_files_have_one_record_or_frame_per_step(atoms, predictor, tmp_path, suffix):
    path = tmp_path / f"steps.{suffix}"
    if suffix != "db":
        path.write_text("of an earlier run")
    recorder = Recorder(predictor, output=path)
    optimizer = FIRE(FrechetCellFilter(atoms), logfile=None)
    recorder.watch(optimizer, run="first")
    optimizer.run(fmax=0.0, steps=3)
    gaps = [row["band_gap"] for row in recorder.records]
    energies = [row["energy"] for row in recorder.records]
    if suffix == "csv":
        lines = list(csv.DictReader(path.read_text().splitlines()))
        assert lines[0].keys() == recorder.records[0].keys()
        found = [(int(line["step"]), float(line["band_gap"])) for line in lines]
        assert [float(line["energy"]) for line in lines] == energies
        assert {line["run"] for line in lines} == {"first"}
    else:
        if suffix == "db":
            rows = list(connect(path).select(orbital_run="first"))
            found = [(row.orbital_step, row.orbital_band_gap) for row in rows]
            frames = [row.toatoms() for row in rows]
        else:
            frames = read(path, ":")
            found = [
                (frame.info["orbital_step"], frame.info["orbital_band_gap"])
                for frame in frames
            ]
        assert [frame.get_potential_energy() for frame in frames] == pytest.approx(energies)
        np.testing.assert_allclose(frames[-1].positions, atoms.positions, atol=1e-7)
        np.testing.assert_allclose(frames[-1].get_forces(), atoms.get_forces(), atol=1e-7)
        assert len({frame.get_volume() for frame in frames}) == 4
    assert [step for step, _ in found] == [0, 1, 2, 3]
    assert [gap for _, gap in found] == pytest.approx(gaps, rel=1e-6)


@pytest.mark.parametrize("suffix", ["csv", "extxyz", "traj", "db"])
def test_files_have_the_reason_of_a_missing_prediction(predictor, tmp_path, suffix):
    path = tmp_path / f"steps.{suffix}"
    recorder = Recorder(predictor, output=path)
    recorder.record(Atoms("Cu2", positions=[[0, 0, 0], [0, 0, 0.1]]), step=0)
    if suffix == "csv":
        (line,) = csv.DictReader(path.read_text().splitlines())
        assert line["band_gap"] == ""
        assert "closer than" in line["reason"]
    elif suffix == "db":
        assert "closer than" in connect(path).get(1).orbital_reason
    else:
        info = read(path).info
        assert "closer than" in info["orbital_reason"]
        assert "orbital_band_gap" not in info


def test_a_csv_file_refuses_new_columns(predictor, tmp_path):
    recorder = Recorder(predictor, output=tmp_path / "steps.csv")
    recorder.record(bulk("Cu"), step=0)
    with pytest.raises(SettingError, match="no column for run"):
        recorder.record(bulk("Cu"), step=1, run="second")


def test_a_database_is_extended_and_other_files_are_replaced(tmp_path):
    for name in ("steps.csv", "steps.db"):
        for step in range(2):
            Output(tmp_path / name).add({"step": step}, bulk("Cu"))
    assert (tmp_path / "steps.csv").read_text().splitlines() == ["step", "1"]
    found = [row.orbital_step for row in connect(tmp_path / "steps.db").select()]
    assert found == [0, 1]


@pytest.mark.parametrize("suffix", ["csv", "extxyz", "traj"])
def test_a_first_record_that_fails_leaves_the_file_as_it_was(tmp_path, suffix, monkeypatch):
    path = tmp_path / f"steps.{suffix}"
    path.write_text("of an earlier run")
    output = Output(path)

    def fail(*_):
        raise OSError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setitem(WRITERS, path.suffix, fail)
        with pytest.raises(OSError, match="full"):
            output.add({"step": 0}, bulk("Cu"))
    assert path.read_text() == "of an earlier run"
    output.add({"step": 1}, bulk("Cu"))
    assert b"earlier" not in path.read_bytes()


def test_a_locked_database_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("ase_orbital.databases.PATIENCE", 0.1)
    (tmp_path / "steps.db.lock").touch()
    with pytest.raises(DataError, match=r"remove the file .*steps\.db\.lock"):
        Output(tmp_path / "steps.db").add({"step": 0}, bulk("Cu"))


def test_results_are_taken_only_if_they_are_up_to_date():
    atoms = bulk("Cu")
    assert cached(atoms, "energy") is None
    atoms.calc = EMT()
    assert cached(atoms, "energy") is None
    energy = atoms.get_potential_energy()
    assert cached(atoms, "energy") == energy
    atoms.positions[0] += 0.1
    atoms.set_cell(atoms.cell * 1.01)
    assert cached(atoms, "energy") is None


def test_frames_have_the_results_and_leave_the_atoms_as_they_are():
    atoms = bulk("Cu")
    atoms.calc = EMT()
    energy = atoms.get_potential_energy()
    made = frame(atoms, {"step": 3, "band_gap": math.nan})
    assert made.info == {"orbital_step": 3}
    assert made.get_potential_energy() == energy
    assert atoms.info == {}
    assert set(KEPT) <= {*all_properties}


def test_missing_values_are_left_out_of_key_value_pairs():
    record = {"step": 0, "energy": math.nan, "band_gap": 1.5, "reason": ""}
    assert key_value_pairs(record) == {"orbital_step": 0, "orbital_band_gap": 1.5}


def test_a_path_that_cannot_be_written_is_explained(tmp_path):
    with pytest.raises(SettingError, match="must end with"):
        Output(tmp_path / "steps.docx")
    with pytest.raises(SettingError, match="is absent or not writable"):
        Output(tmp_path / "absent" / "steps.csv")


def test_labels_and_properties_with_any_name_go_into_a_database(atoms, tmp_path):
    predictor = Predictor(EOSNet(property_name="vol/atom", n_hidden=8), device="cpu")
    recorder = Recorder(predictor, output=tmp_path / "steps.db")
    recorder.record(atoms, run="17", final="True", share="0.5", name="first")
    (row,) = connect(tmp_path / "steps.db").select(orbital_run=17)
    assert row.orbital_vol_atom == recorder.records[0]["vol/atom"]
    assert row.orbital_share == 0.5
    assert row.orbital_name == "first"
