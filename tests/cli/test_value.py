"""One number a line: what a search that calls a command reads."""

import math
import subprocess
import sys

import pytest
import torch
from ase import Atoms
from ase.build import bulk
from ase.io import write

from ase_orbital import ElementalFeatures, Predictor
from ase_orbital.cli.main import main
from ase_orbital.models import EOSNet


@pytest.fixture
def poscars(tmp_path):
    """Three in VASP's format, the second of an element the model does not know."""
    paths = [tmp_path / f"POSCAR_{number}" for number in (1, 2, 3)]
    crystals = [bulk("Cu"), bulk("W"), bulk("NaCl", "rocksalt", a=5.64)]
    for path, atoms in zip(paths, crystals, strict=True):
        write(path, atoms, format="vasp")
    return [str(path) for path in paths]


def test_one_poscar_is_one_number(poscars, gap, capsys):
    assert main(["value", poscars[0], "-m", gap]) == 0
    out, err = capsys.readouterr()
    assert out.count("\n") == 1
    assert float(out) == pytest.approx(Predictor(gap).predict(poscars[0])["band_gap"])
    assert err == ""


def test_each_structure_has_its_line_in_the_order_given(poscars, gap, capsys):
    asked = [poscars[2], poscars[0], poscars[2]]
    assert main(["value", *asked, "-m", gap, "-p", "band_gap"]) == 0
    found = [float(line) for line in capsys.readouterr().out.splitlines()]
    rows = Predictor(gap).predict_many(asked)
    assert found == pytest.approx([row["band_gap"] for row in rows])


def test_a_bad_structure_is_no_number_and_the_status_says_so(poscars, gap, capsys):
    assert main(["value", *poscars, "absent/POSCAR", "-m", gap]) == 1
    out, err = capsys.readouterr()
    first, second, third, fourth = out.splitlines()
    assert math.isfinite(float(first))
    assert math.isfinite(float(third))
    assert second == fourth == "failed"
    assert "POSCAR_2: atom 0 is W" in err
    assert "absent/POSCAR: there is no file" in err


def test_what_fails_only_when_described_does_not_take_the_others_along(tmp_path, capsys):
    torch.manual_seed(0)
    # The model is made for oganesson, and its table of features has none.
    model = EOSNet(ElementalFeatures(), property_name="band_gap", elements=[29, 118])
    model.save(tmp_path / "model", metadata={})
    alien = Atoms("Og", cell=[4, 4, 4], pbc=True)
    write(tmp_path / "all.extxyz", [bulk("Cu"), alien, bulk("Cu", cubic=True)])
    assert main(["value", str(tmp_path / "all.extxyz"), "-m", str(tmp_path / "model")]) == 1
    out, err = capsys.readouterr()
    first, second, third = out.splitlines()
    assert second == "failed"
    assert float(first) == pytest.approx(float(third), abs=1e-5)
    assert "all.extxyz@1: " in err


def test_a_file_whose_name_says_another_format_is_read_as_told(tmp_path, gap, capsys):
    path = tmp_path / "geom.in"
    write(path, bulk("Cu"), format="vasp")
    assert main(["value", str(path), "-m", gap]) == 1
    assert capsys.readouterr().out == "failed\n"
    assert main(["value", str(path), "-m", gap, "--format", "vasp"]) == 0
    assert math.isfinite(float(capsys.readouterr().out))


def test_a_model_that_gives_no_number_has_failed(poscars, tmp_path, capsys):
    model = EOSNet(property_name="band_gap", elements=[29])
    with torch.no_grad():
        for weights in model.parameters():
            weights.fill_(math.nan)
    model.save(tmp_path / "nan", metadata={})
    assert main(["value", poscars[0], "-m", str(tmp_path / "nan")]) == 1
    out, err = capsys.readouterr()
    assert out == "failed\n"
    assert "predicts nan for band_gap" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-p", "hardness"], "'hardness' is not predicted; available: band_gap"),
        (["-p", "in_domain"], "has no domain"),
        (["-m", "eosnet-bulk-modulus-mp"], "choose one with --property"),
        (["-m", "nonsense"], "there is no model"),
    ],
)
def test_without_any_answer_stdout_is_empty(poscars, gap, arguments, message, capsys):
    assert main(["value", poscars[0], "-m", gap, *arguments]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err


def test_domain_and_spread_are_numbers_too(poscars, capsys):
    model = "eosnet-bulk-modulus-mp"
    for name in ("bulk_modulus_std", "in_domain"):
        assert main(["value", poscars[0], "-m", model, "-p", name]) == 0
        value = float(capsys.readouterr().out)
        row = Predictor(model, domain=True).predict(poscars[0])
        assert value == pytest.approx(row[name], rel=1e-5)


def test_as_a_command_it_writes_the_number_and_nothing_else(poscars, gap):
    command = [sys.executable, "-m", "ase_orbital.cli.main", "value", poscars[0], "-m", gap]
    finished = subprocess.run(command, capture_output=True, text=True, check=True)
    assert math.isfinite(float(finished.stdout))
    assert finished.stderr == ""
