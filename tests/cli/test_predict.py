"""ase-orbital predict against a Predictor."""

import csv
import json
import shutil

import pytest
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.db import connect
from ase.io import read, write

from ase_orbital import Predictor, list_models
from ase_orbital.cli.main import main


def test_predict_prints_one_line_per_number_with_its_unit(crystals, gap, capsys):
    assert main(["predict", str(crystals / "salt.cif"), "-m", gap]) == 0
    header, _, line = capsys.readouterr().out.splitlines()
    assert header.split() == [
        "structure", "formula", "n_atoms", "property", "value", "unit", "model",
    ]  # fmt: skip
    expected = Predictor(gap).predict(crystals / "salt.cif")["band_gap"]
    _, formula, _, name, value, unit, model = line.split()
    assert (formula, name, unit, model) == ("NaCl", "band_gap", "eV", "gap")
    assert float(value) == pytest.approx(expected, abs=1e-4)


def test_predict_without_a_model_uses_all_that_are_shipped(capsys):
    assert main(["predict", "tutorials/SrTiO3.cif"]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in list_models())


def test_models_without_an_element_do_not_fail_the_others(crystals, capsys):
    assert main(["predict", str(crystals / "salt.cif")]) == 0
    out, err = capsys.readouterr()
    assert "eosnet-band-gap-mp2018" in out
    assert "energy-perovskites" not in out
    (line,) = err.splitlines()
    assert f"of {len(list_models())} models: atom 1 is Cl" in line


def test_an_element_that_no_model_knows_is_an_error(crystals, capsys):
    write(crystals / "alien.extxyz", bulk("Es", "fcc", a=5.7))
    assert main(["predict", str(crystals / "alien.extxyz")]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "alien.extxyz: atom 0 is Es" in line


def test_predict_labels_every_frame_of_a_file(crystals, gap, capsys):
    assert main(["predict", str(crystals / "metals.extxyz"), "-m", gap]) == 0
    lines = capsys.readouterr().out.splitlines()[2:]
    assert [line.split()[0][-2:] for line in lines] == ["@0", "@1"]


def test_predict_reports_an_invalid_structure_and_goes_on(crystals, gap, capsys):
    write(crystals / "alien.extxyz", bulk("W"))
    files = [str(crystals / name) for name in ("absent.cif", "alien.extxyz", "salt.cif")]
    assert main(["predict", *files, "-m", gap]) == 1
    out, err = capsys.readouterr()
    assert "NaCl" in out
    assert "there is no file" in err
    assert "alien.extxyz: atom 0 is W" in err


def test_an_unknown_model_is_one_line_and_exit_1(crystals, capsys):
    assert main(["predict", str(crystals / "salt.cif"), "-m", "nonsense"]) == 1
    assert capsys.readouterr().err.startswith("ase-orbital: there is no model")


@pytest.mark.parametrize("suffix", ["csv", "json", "extxyz", "db"])
def test_values_are_the_same_in_files(crystals, gap, suffix):
    path = crystals / f"out.{suffix}"
    assert main(["predict", str(crystals / "salt.cif"), "-m", gap, "-o", str(path)]) == 0
    expected = Predictor(gap).predict(crystals / "salt.cif")["band_gap"]
    if suffix == "csv":
        (row,) = csv.DictReader(path.read_text().splitlines())
        found = float(row["value"])
    elif suffix == "json":
        found = json.loads(path.read_text())[0]["value"]
    elif suffix == "extxyz":
        found = read(path).info["orbital_band_gap"]
    else:
        found = connect(path).get(1).orbital_band_gap
    assert found == pytest.approx(expected, rel=1e-6)


def test_extended_xyz_keeps_what_the_file_had(crystals, gap):
    atoms = bulk("Cu")
    atoms.calc = EMT()
    energy = atoms.get_potential_energy()
    write(crystals / "emt.extxyz", atoms)
    out = crystals / "out.extxyz"
    main(["predict", str(crystals / "emt.extxyz"), "-m", gap, "-o", str(out)])
    assert read(out).get_potential_energy() == pytest.approx(energy)


def test_models_with_the_same_folder_name_are_distinguished(crystals, gap, tmp_path):
    shutil.copytree(gap, tmp_path / "other" / "gap")
    out = crystals / "out.extxyz"
    models = ["-m", gap, "-m", str(tmp_path / "other" / "gap")]
    main(["predict", str(crystals / "salt.cif"), *models, "-o", str(out)])
    assert sum(key.startswith("orbital_band_gap") for key in read(out).info) == 2
