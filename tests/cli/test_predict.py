"""ase-orbital predict against a Predictor."""

import csv
import json
import shutil
import subprocess
import sys

import pytest
from ase.build import bulk, fcc111
from ase.calculators.emt import EMT
from ase.db import connect
from ase.io import read, write

from ase_orbital import Predictor, list_models
from ase_orbital.cli.main import main
from ase_orbital.cli.results import WRITERS
from ase_orbital.zoo import read_card


def test_a_structure_is_a_row_with_units_in_the_header(crystals, gap, capsys):
    assert main(["predict", str(crystals / "salt.cif"), "-m", gap]) == 0
    header, units, _, line = capsys.readouterr().out.splitlines()
    assert header.split() == ["band_gap"]
    assert units.split() == ["structure", "formula", "n_atoms", "(eV)"]
    expected = Predictor(gap).predict(crystals / "salt.cif")["band_gap"]
    assert line.split()[1:3] == ["NaCl", "2"]
    assert float(line.split()[3]) == pytest.approx(expected, abs=1e-4)


def test_a_number_is_a_row_if_asked(crystals, gap, capsys):
    assert main(["predict", str(crystals / "salt.cif"), "-m", gap, "--long"]) == 0
    header, _, line = capsys.readouterr().out.splitlines()
    assert header.split() == [
        "structure", "formula", "n_atoms", "property", "value", "unit", "model",
    ]  # fmt: skip
    expected = Predictor(gap).predict(crystals / "salt.cif")["band_gap"]
    _, formula, _, name, value, unit, model = line.split()
    assert (formula, name, unit, model) == ("NaCl", "band_gap", "eV", "gap")
    assert float(value) == pytest.approx(expected, abs=1e-4)


def test_without_a_model_each_property_is_predicted_in_one_line(crystals, capsys):
    path = crystals / "out.csv"
    assert main(["predict", "tutorials/SrTiO3.cif", "-o", str(path)]) == 0
    (row,) = csv.DictReader(path.read_text().splitlines())
    for name in {read_card(model).property_name for model in list_models()}:
        assert float(row[name])
    assert float(row["band_gap_std"]) > 0.0
    main(["predict", "tutorials/SrTiO3.cif"])
    *_, rule, line = capsys.readouterr().out.splitlines()
    assert set(rule) == {"-", " "}
    assert line.startswith("tutorials/SrTiO3.cif")
    assert len(line) < 180  # of a wide window


@pytest.fixture
def shown(monkeypatch, capsys):
    """Run a command, and return what it writes on a terminal of 80 columns."""

    def run(*words):
        monkeypatch.setenv("COLUMNS", "80")
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
        assert main([*words]) == 0
        return capsys.readouterr().out

    return run


def test_a_terminal_gets_a_row_per_property_of_one_structure(shown):
    lines = shown("predict", "tutorials/SrTiO3.cif").splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[:3] == [
        "structure: tutorials/SrTiO3.cif", "formula: SrTiO3", "n_atoms: 5",
    ]  # fmt: skip
    assert lines[4].split() == ["property", "value", "unit"]
    found = {
        name: (float(value), *unit) for name, value, *unit in map(str.split, lines[6:])
    }
    assert found.keys() == {read_card(model).property_name for model in list_models()}
    assert found["band_gap"][1:] == ("eV",)
    expected = Predictor("eosnet-band-gap-mp2018").predict("tutorials/SrTiO3.cif")
    assert found["band_gap"][0] == pytest.approx(expected["band_gap"], abs=0.05)


def test_a_terminal_gets_several_tables_for_several_structures(shown):
    out = shown("predict", "tutorials/SrTiO3.cif", "tutorials/Mn2O7.cif")
    assert max(map(len, out.splitlines())) <= 80
    parts = out.split("\n\n")
    assert len(parts) > 1
    for part in parts:
        *_, first, second = part.splitlines()
        assert first.startswith("tutorials/SrTiO3.cif")
        assert second.startswith("tutorials/Mn2O7.cif")
    assert out.count("refractive") == 1


def test_a_narrow_table_is_the_same_in_a_terminal(crystals, gap, shown, monkeypatch):
    monkeypatch.chdir(crystals)
    *_, line = shown("predict", "salt.cif", "-m", gap).splitlines()
    assert line.split()[:3] == ["salt.cif", "NaCl", "2"]


def test_all_models_are_predicted_if_asked(crystals):
    path = crystals / "out.csv"
    assert (
        main(["predict", "tutorials/SrTiO3.cif", "-m", "all", "--long", "-o", str(path)])
        == 0
    )
    rows = list(csv.DictReader(path.read_text().splitlines()))
    assert {row["model"] for row in rows} == set(list_models())


def test_models_without_an_element_do_not_fail_the_others(crystals, capsys):
    assert main(["predict", str(crystals / "salt.cif"), "--long"]) == 0
    out, err = capsys.readouterr()
    assert "eosnet-band-gap-mp2018" in out
    assert "energy-perovskites" not in out
    (line,) = err.splitlines()
    assert "skipped by 2 of" in line
    assert "models: atom 1 is Cl" in line


def test_failed_structures_are_rows_with_their_reason(crystals, gap):
    write(crystals / "alien.extxyz", [bulk("Cu"), bulk("W")])
    coincident = bulk("NaCl", "rocksalt", a=5.64)
    coincident.positions[1] = coincident.positions[0]
    coincident.info["id"] = "icsd-1"
    write(crystals / "bad.extxyz", coincident)
    names = ("absent.cif", "alien.extxyz", "bad.extxyz", "salt.cif")
    files = [str(crystals / name) for name in names]
    for shape in ([], ["--long"]):
        path = crystals / "out.csv"
        assert main(["predict", *files, "-m", gap, "-o", str(path), *shape]) == 1
        rows = list(csv.DictReader(path.read_text().splitlines()))
        reasons = ["there is no file", "", "atom 0 is W", "closer than 0.3", ""]
        for row, reason in zip(rows, reasons, strict=True):
            assert reason in row["error"]
            assert bool(row["error"]) == bool(reason)
            assert bool(row.get("band_gap", row.get("value"))) != bool(reason)
        assert rows[3]["id"] == "icsd-1"


@pytest.mark.parametrize("suffix", [at for at in WRITERS if at != ".db"])
def test_bad_structures_alone_leave_the_file_as_it_was(crystals, gap, suffix, capsys):
    (crystals / "bad.cif").write_text("no crystal")
    path = crystals / f"out{suffix}"
    path.write_text("good results")
    assert main(["predict", str(crystals / "bad.cif"), "-m", gap, "-o", str(path)]) == 1
    assert path.read_text() == "good results"
    assert f"{path} is not written" in capsys.readouterr().err


def test_a_database_is_never_replaced_nor_any_file_that_is_read(crystals, gap, capsys):
    path = crystals / "own.db"
    with connect(path) as database:
        database.write(bulk("Cu"))
    for files in ([str(path)], [str(crystals / "salt.cif")]):
        with pytest.raises(SystemExit):
            main(["predict", *files, "-m", gap, "-o", str(path)])
        assert "own.db exists, and would be replaced; give" in capsys.readouterr().err
    file = str(crystals / "metals.extxyz")
    before = (crystals / "metals.extxyz").read_bytes()
    assert main(["predict", file, "-m", gap, "--top", "1", "-o", file]) == 1
    assert "is one of the files to read, and would be replaced" in capsys.readouterr().err
    assert (crystals / "metals.extxyz").read_bytes() == before
    assert [row.formula for row in connect(path).select()] == ["Cu"]


@pytest.mark.parametrize("suffix", [".db", ".extxyz", ".csv"])
def test_what_a_database_says_of_its_structures_is_kept(crystals, gap, suffix):
    with connect(crystals / "own.db") as database:
        known = {"material_id": "mp-1", "measured": 1.5, "orbital_band_gap": 99.0}
        database.write(bulk("Cu"), known, data={"dos": [1.0, 2.0]})
    path = crystals / f"out{suffix}"
    assert main(["predict", str(crystals / "own.db"), "-m", gap, "-o", str(path)]) == 0
    expected = Predictor(gap).predict(bulk("Cu"))["band_gap"]
    if suffix == ".csv":
        (line,) = csv.DictReader(path.read_text().splitlines())
        assert line["id"] == "mp-1"
        return
    if suffix == ".db":
        (row,) = connect(path).select()
        found = row.key_value_pairs
        assert list(row.data["dos"]) == [1.0, 2.0]
    else:
        found = read(path).info
    assert (found["material_id"], found["measured"]) == ("mp-1", 1.5)
    assert found["orbital_band_gap"] == pytest.approx(expected)


def test_nothing_of_an_earlier_prediction_is_left(crystals, gap):
    atoms = bulk("Cu")
    atoms.info |= {"orbital_error": "unknown element", "orbital_band_gap": 99.0, "id": 7}
    atoms.info |= {"data": 3, "key_value_pairs": "own"}  # no row of a database
    write(crystals / "old.extxyz", atoms)
    arguments = ["-m", gap, "-o", str(crystals / "new.extxyz")]
    assert main(["predict", str(crystals / "old.extxyz"), *arguments]) == 0
    found = read(crystals / "new.extxyz").info
    assert "orbital_error" not in found
    assert found["orbital_band_gap"] != 99.0
    assert (found["id"], found["data"], found["key_value_pairs"]) == (7, 3, "own")


def test_rows_can_be_selected_and_sorted(crystals, gap, capsys):
    file = str(crystals / "metals.extxyz")
    asked = ["predict", file, str(crystals / "salt.cif"), "-m", gap]
    assert main([*asked, "--where", "n_atoms == 1", "--sort", "formula", "-o", "-"]) == 0
    rows = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert [row["formula"] for row in rows] == ["Al", "Cu"]
    main([*asked, "--sort", "formula", "--top", "1", "-o", str(crystals / "out.extxyz")])
    assert [str(atoms.symbols) for atoms in read(crystals / "out.extxyz", ":")] == ["Al"]


def test_a_selection_of_nothing_is_an_empty_table_or_no_file(crystals, gap, capsys):
    words = ["predict", str(crystals / "salt.cif"), "-m", gap, "--where", "n_atoms > 9"]
    assert main([*words, "-o", "-"]) == main(words) == 0
    assert capsys.readouterr() == ("", "")
    assert main([*words, "-o", str(crystals / "out.csv")]) == 0
    assert "out.csv is not written" in capsys.readouterr().err


def test_structures_go_through_a_pipe(crystals, gap):
    command = [sys.executable, "-m", "ase_orbital.cli.main", "predict", "-", "-m", gap]
    crystal = bulk("Cu")
    crystal.info["id"] = "mp-30"
    write(crystals / "named.extxyz", crystal)
    text = (crystals / "named.extxyz").read_text()
    done = subprocess.run(
        [*command, "-o", "-"], input=text, capture_output=True, text=True, check=True
    )
    (row,) = csv.DictReader(done.stdout.splitlines())
    assert (row["structure"], row["id"], row["formula"]) == ("-", "mp-30", "Cu")
    assert float(row["band_gap"]) == pytest.approx(
        Predictor(gap).predict(crystal)["band_gap"]
    )


def test_domain_and_std_have_columns_for_each_model(crystals):
    models = [f"eosnet-{name}-modulus-mp" for name in ("bulk", "shear")]
    path = crystals / "out.csv"
    words = ["-m", models[0], "-m", models[1], "--domain", "-o", str(path)]
    assert main(["predict", str(crystals / "salt.cif"), *words]) == 0
    (row,) = csv.DictReader(path.read_text().splitlines())
    for model in models:
        expected = Predictor(model, domain=True).predict(crystals / "salt.cif")
        key = "in_domain_" + model.replace("-", "_")
        assert float(row[key]) == expected["in_domain"]
        for name in ("bulk_modulus", "shear_modulus"):
            if name in expected:
                assert float(row[name + "_std"]) == pytest.approx(expected[name + "_std"])


def test_a_slab_is_warned_of_once_and_outside_the_domain(crystals, capsys):
    atoms = fcc111("Cu", (1, 1, 3), vacuum=8.0)
    atoms.info.clear()  # ASE cannot write what it notes there
    slab = crystals / "slab.extxyz"
    write(slab, atoms)
    models = ["-m", "eosnet-bulk-modulus-mp", "-m", "eosnet-shear-modulus-mp"]
    assert main(["predict", str(slab), *models, "--domain", "-o", "-"]) == 0
    out, err = capsys.readouterr()
    assert err.count("\n") == 1
    assert err.startswith("warning: 1 of 1 structures are unlike those the models were")
    (row,) = csv.DictReader(out.splitlines())
    assert [value for name, value in row.items() if "in_domain" in name] == ["0.0", "0.0"]
    assert main(["value", str(slab), *models[:2], "-p", "in_domain"]) == 0
    out, err = capsys.readouterr()
    assert (out, err[:8]) == ("0.0\n", "warning:")


def test_tables_of_numbers_are_not_files_of_structures(crystals, gap, capsys):
    words = ["-m", gap, "--long", "-o", str(crystals / "out.db")]
    assert main(["predict", str(crystals / "salt.cif"), *words]) == 1
    assert "--long is for tables" in capsys.readouterr().err


def test_an_element_that_no_model_knows_is_an_error(crystals, capsys):
    write(crystals / "alien.extxyz", bulk("Es", "fcc", a=5.7))
    assert main(["predict", str(crystals / "alien.extxyz")]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "alien.extxyz: atom 0 is Es" in line


def test_predict_labels_every_frame_of_a_file(crystals, gap, capsys):
    assert main(["predict", str(crystals / "metals.extxyz"), "-m", gap]) == 0
    lines = capsys.readouterr().out.splitlines()[3:]
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
        found = float(row["band_gap"])
    elif suffix == "json":
        found = json.loads(path.read_text())[0]["band_gap"]
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
