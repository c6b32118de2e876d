"""The command line against the Python it stands for."""

import csv
import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.db import connect
from ase.io import read, write

from ase_orbital import GOM, Predictor, list_models
from ase_orbital.cli.main import main


@pytest.fixture
def crystals(tmp_path):
    write(tmp_path / "salt.cif", bulk("NaCl", "rocksalt", a=5.64))
    write(tmp_path / "metals.extxyz", [bulk("Cu"), bulk("Al")])
    return tmp_path


def test_predict_prints_a_line_a_number_with_its_unit(crystals, gap, capsys):
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


def test_models_that_do_not_know_an_element_are_no_failure_of_those_that_do(
    crystals, capsys
):
    assert main(["predict", str(crystals / "salt.cif")]) == 0
    out, err = capsys.readouterr()
    assert "eosnet-band-gap-mp2018" in out
    assert "energy-perovskites" not in out
    (line,) = err.splitlines()
    assert f"of {len(list_models())} models do not know it: atom 1 is Cl" in line


def test_an_element_that_no_model_knows_is_a_failure(crystals, capsys):
    write(crystals / "alien.extxyz", bulk("Es", "fcc", a=5.7))
    assert main(["predict", str(crystals / "alien.extxyz")]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "alien.extxyz: atom 0 is Es" in line


def test_the_package_runs_as_the_command():
    command = [sys.executable, "-m", "ase_orbital", "models"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert all(name in done.stdout for name in list_models())


def test_every_frame_is_a_structure(crystals, gap, capsys):
    assert main(["predict", str(crystals / "metals.extxyz"), "-m", gap]) == 0
    lines = capsys.readouterr().out.splitlines()[2:]
    assert [line.split()[0][-2:] for line in lines] == ["@0", "@1"]


def test_a_bad_structure_is_named_and_the_others_are_predicted(crystals, gap, capsys):
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
def test_values_survive_in_files(crystals, gap, suffix):
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


@pytest.mark.parametrize("verb", ["predict", "describe"])
@pytest.mark.parametrize("path", ["out.docx", "absent/out.csv", "absent/out.npz"])
def test_a_file_that_cannot_be_written_is_misuse(crystals, verb, path):
    with pytest.raises(SystemExit) as caught:
        main([verb, str(crystals / "salt.cif"), "-o", path])
    assert caught.value.code == 2


def test_extended_xyz_keeps_what_the_file_had(crystals, gap):
    atoms = bulk("Cu")
    atoms.calc = EMT()
    energy = atoms.get_potential_energy()
    write(crystals / "emt.extxyz", atoms)
    out = crystals / "out.extxyz"
    main(["predict", str(crystals / "emt.extxyz"), "-m", gap, "-o", str(out)])
    assert read(out).get_potential_energy() == pytest.approx(energy)


def test_models_with_one_last_name_are_told_apart(crystals, gap, tmp_path):
    shutil.copytree(gap, tmp_path / "other" / "gap")
    out = crystals / "out.extxyz"
    models = ["-m", gap, "-m", str(tmp_path / "other" / "gap")]
    main(["predict", str(crystals / "salt.cif"), *models, "-o", str(out)])
    assert sum(key.startswith("orbital_band_gap") for key in read(out).info) == 2


def test_describe_names_the_bad_one_and_goes_on(crystals, capsys):
    write(crystals / "alien.extxyz", Atoms("Og", cell=[4, 4, 4], pbc=True))
    files = [str(crystals / name) for name in ("alien.extxyz", "salt.cif")]
    assert main(["describe", *files]) == 1
    out, err = capsys.readouterr()
    assert "alien.extxyz: atom 0 (Og" in err
    assert "NaCl" in out


@pytest.mark.parametrize(
    "arguments", [["describe", "--cutoff", "-1"], ["predict", "--device", "nowhere"]]
)
def test_a_setting_that_means_nothing_is_one_line_and_exit_1(crystals, arguments, capsys):
    assert main([*arguments, str(crystals / "salt.cif")]) == 1
    assert capsys.readouterr().err.startswith("ase-orbital: ")


def test_describe_writes_what_create_gives(crystals):
    path = crystals / "rows.npz"
    files = [str(crystals / "salt.cif"), str(crystals / "metals.extxyz")]
    assert main(["describe", *files, "--cutoff", "5", "-o", str(path)]) == 0
    with np.load(path) as arrays:
        assert len(arrays.files) == 3
        np.testing.assert_allclose(
            arrays[files[0]], GOM(cutoff=5.0).create(crystals / "salt.cif"), atol=1e-12
        )


def test_models_lists_the_zoo_with_figures(capsys):
    assert main(["models"]) in (0, None)
    out = capsys.readouterr().out
    assert all(name in out for name in list_models())
    assert "eV/atom" in out


def test_import_eosnet_makes_a_folder_that_predicts(shared, tmp_path, capsys):
    checkpoint = shared / "reference" / "eosnet_ASEDB_Perov_Eform.pth.tar"
    arguments = ["--property", "heat_of_formation", "--normalized-edges"]
    main(["import-eosnet", str(checkpoint), *arguments, "-o", str(tmp_path / "published")])
    assert "99841" in capsys.readouterr().out
    predicted = Predictor(tmp_path / "published").predict("tutorials/SrTiO3.cif")
    assert predicted["heat_of_formation"] == pytest.approx(-0.224, abs=0.01)


def test_a_reader_who_stops_reading_gets_no_traceback():
    command = [sys.executable, "-m", "ase_orbital.cli.main", "models"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        child.stdout.close()
        assert child.stderr.read() == b""
    assert child.returncode == 1
