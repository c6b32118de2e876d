"""The script that measures networks on the folds of matbench, on a few crystals."""

import gzip
import io
import json
import sys
from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase.build import bulk

PRETRAINED = Path(__file__).parents[2] / "pretrained"
SMALL = {
    "network_settings": {"n_hidden": 4, "n_convolutions": 1, "n_readout": 4},
    "epochs": 2,
    "batch_size": 8,
    "compile": False,
    "progress": False,
}
OCRYSTALNET = SMALL | {"network_settings": {"n_hidden": 4, "n_layers": 1}}


@pytest.fixture
def matbench(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(str(PRETRAINED))
    import matbench

    monkeypatch.setattr(matbench, "RECORDS", tmp_path / "records")
    yield matbench
    for name in ("matbench", "train", "recipes", "published", "distorted", "potentials"):
        sys.modules.pop(name, None)


@pytest.fixture
def data(tmp_path):
    """Thirty crystals of rocksalt structure, six in each fold."""
    folder = tmp_path / "data"
    folder.mkdir()
    crystals = []
    for index, edge in enumerate(np.linspace(4.0, 6.0, 30)):
        atoms = bulk("NaCl", "rocksalt", a=edge)
        names = {"id": f"mb-{index}", "fold": index % 5}
        atoms.info = names | {"last_phdos_peak": 1000 / edge, "refractive_index": edge / 2}
        crystals.append(atoms)
    for name in ("phonons_matbench", "dielectric_matbench"):
        text = io.StringIO()
        ase.io.write(text, crystals, format="extxyz")
        with gzip.open(folder / f"{name}.extxyz.gz", "wt") as file:
            file.write(text.getvalue())
    return folder


def run(matbench, monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["matbench.py", *map(str, arguments), "--quiet"])
    networks = {"EOSNet": SMALL, "OCrystalNet": OCRYSTALNET}
    monkeypatch.setattr(matbench, "NETWORKS", networks)
    monkeypatch.setattr(matbench, "WIDE", SMALL["network_settings"])
    # Without a start, because the steps are not in the repository.
    small = {"epochs": (2, 2), "settings": {}}
    tasks = {name: task._replace(**small) for name, task in matbench.TASKS.items()}
    monkeypatch.setattr(matbench, "TASKS", tasks)
    matbench.main()


@pytest.mark.slow
def test_folds_are_measured_on_their_own_crystals_and_resumed(
    matbench, data, tmp_path, monkeypatch
):
    arguments = ("phonons", "--data", data, "--runs", tmp_path / "runs")
    run(matbench, monkeypatch, *arguments, "--folds", 0)
    folder = tmp_path / "runs/matbench/phonons-eosnet"
    split = json.loads((folder / "fold-0/split.json").read_text())
    assert sorted(split["test"]) == sorted(f"mb-{index}" for index in range(0, 30, 5))
    assert len(split["train"]) == 23
    assert len(split["validation"]) == 1
    first = json.loads((folder / "record.json").read_text())
    assert (first["n_crystals"], first["unit"]) == (6, "1/cm")
    assert not (tmp_path / "records").exists()  # one fold is no score

    run(matbench, monkeypatch, *arguments)
    record = json.loads((tmp_path / "records/phonons-eosnet.json").read_text())
    assert record["folds"]["0"] == first["folds"]["0"]
    errors = [fold["mae"] for fold in record["folds"].values()]
    assert record["mean"] == pytest.approx(np.mean(errors))
    assert record["std"] == pytest.approx(np.std(errors))
    assert (record["n_crystals"], record["n_official"]) == (30, 1265)


def test_error_of_a_value_is_not_that_of_its_logarithm(
    matbench, data, tmp_path, monkeypatch
):
    arguments = ("dielectric", "--data", data, "--runs", tmp_path / "runs", "--folds", 1)
    run(matbench, monkeypatch, *arguments)
    folder = tmp_path / "runs/matbench/dielectric-eosnet"
    known, predicted = np.loadtxt(
        folder / "fold-1/predictions.csv", delimiter=",", skiprows=1, usecols=(2, 3)
    ).T
    error = np.abs(10.0**predicted - 10.0**known).mean()
    record = json.loads((folder / "record.json").read_text())
    assert record["mean"] == pytest.approx(error, rel=1e-4)


@pytest.mark.slow
def test_the_mean_of_both_networks_is_measured(matbench, data, tmp_path, monkeypatch):
    arguments = ("phonons", "--data", data, "--runs", tmp_path / "runs", "--folds", 2, 3)
    run(matbench, monkeypatch, *arguments, "--network", "both")
    folder = tmp_path / "runs/matbench"
    record = json.loads((folder / "phonons-both/record.json").read_text())
    assert (record["network"], record["members"]) == ("EOSNet and OCrystalNet", 6)
    assert record["n_crystals"] == 12
    for fold in (2, 3):
        known, one, two = (
            np.loadtxt(path, delimiter=",", skiprows=1, usecols=column)
            for column, path in (
                (2, folder / f"phonons-eosnet/fold-{fold}/predictions.csv"),
                (3, folder / f"phonons-eosnet/fold-{fold}/predictions.csv"),
                (3, folder / f"phonons-ocrystalnet/fold-{fold}/predictions.csv"),
            )
        )
        error = np.abs((one + two) / 2.0 - known).mean()
        assert record["folds"][str(fold)]["mae"] == pytest.approx(error, rel=1e-4)


def test_changes_are_compared_without_a_record(matbench, data, tmp_path, monkeypatch):
    arguments = ("phonons", "--data", data, "--runs", tmp_path / "runs", "--folds", 0)
    run(matbench, monkeypatch, *arguments, "--changes", '{"batch_size": 4}')
    (folder,) = (tmp_path / "runs/matbench").iterdir()
    assert folder.name.startswith("phonons-eosnet-")
    assert not (folder / "record.json").exists()
