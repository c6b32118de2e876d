"""train, evaluate and ablate on the command line, against the Python they stand for."""

import json
from argparse import ArgumentParser

import pytest
from ase.io import write

from ase_orbital.cli import train as command
from ase_orbital.cli.main import main
from ase_orbital.training import TrainingSettings

QUICK = """
epochs = 2
batch_size = 8
accelerator = "cpu"
workers = 1

[network_settings]
n_hidden = 4
descriptor = { name = "OneHot", size = 113 }
"""


@pytest.fixture(scope="module")
def data(salts, tmp_path_factory):
    """Crystals and settings as files."""
    folder = tmp_path_factory.mktemp("data")
    crystals = []
    for atoms, constant in zip(*salts, strict=True):
        crystals.append(atoms.copy())
        crystals[-1].info |= {"constant": constant, "cesium": "Cs" in atoms.symbols}
    write(folder / "salts.extxyz", crystals)
    (folder / "quick.toml").write_text(QUICK)
    return folder


@pytest.fixture(scope="module")
def trained(data):
    """What `train` was given, its exit code, and the folder."""
    words = ["train", str(data / "salts.extxyz"), "--column", "constant"]
    words += ["--config", str(data / "quick.toml"), "--epochs", "3"]
    code = main([*words, "-o", str(data / "run")])
    return words, code, data / "run"


def test_train_takes_the_file_then_the_command_line(trained):
    _, code, folder = trained
    assert code == 0
    settings = TrainingSettings.from_file(folder / "settings.json")
    assert (settings.epochs, settings.batch_size) == (3, 8)
    assert settings.column == "constant"
    assert (folder / "model" / "model.pt").is_file()


def test_train_again_prints_the_figures_of_the_card(trained, capsys):
    words, _, folder = trained
    assert main([*words, "-o", str(folder)]) == 0
    out = capsys.readouterr().out
    content = json.loads((folder / "model" / "model.json").read_text())["metadata"]
    assert f"{content['metrics']['mae_test']:.4f}" in out
    assert str(folder / "model") in out


def test_train_in_a_folder_of_another_run_is_one_line_and_exit_1(trained, capsys):
    words, _, folder = trained
    assert main([*words, "--seed", "7", "-o", str(folder)]) == 1
    err = capsys.readouterr().err
    assert err.startswith("ase-orbital: ")
    assert "other values of seed" in err


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (["--epochs", "0"], "epochs must be greater than or equal to 1"),
        (["--column", "nothing"], "it has no nothing"),
        (["--config", "absent.toml"], "absent.toml cannot be read"),
        (["--split", "nonsense"], "there is no split 'nonsense'"),
        (["--network-settings", '{"n_hiden": 3}'], "'n_hiden'"),
    ],
)
def test_what_means_nothing_is_one_line_and_exit_1(
    trained, tmp_path, capsys, change, words
):
    assert main([*trained[0], *change, "-o", str(tmp_path / "run")]) == 1
    assert words in capsys.readouterr().err


@pytest.mark.parametrize(
    "change", [["--epochs", "few"], ["--network", "CGCNN"], ["--unheard-of"]]
)
def test_misuse_is_exit_2(trained, tmp_path, change):
    with pytest.raises(SystemExit) as caught:
        main([*trained[0], *change, "-o", str(tmp_path / "run")])
    assert caught.value.code == 2


def parse(*words):
    parser = ArgumentParser()
    command.add_arguments(parser)
    return command.settings_of(parser.parse_args(["data", "-o", "run", *words]))


def test_a_paper_is_where_the_settings_start():
    settings = parse("--paper", "OCrystalNet", "--epochs", "3")
    assert settings.differences(TrainingSettings.paper("OCrystalNet", epochs=3)) == []


def test_a_paper_says_nothing_of_the_machine(monkeypatch):
    monkeypatch.setattr(command.os, "cpu_count", lambda: 7)
    plain, paper = parse(), parse("--paper", "EOSNet")
    assert plain.workers == paper.workers == 7
    assert plain.progress == paper.progress


def test_evaluate_prints_a_line_a_model(data, trained, tmp_path, capsys):
    model = str(trained[2] / "model")
    words = ["evaluate", str(data / "salts.extxyz"), "--column", "constant"]
    assert main([*words, "-m", model, "--where", "cesium", "-o", str(tmp_path)]) == 0
    header, _, line = capsys.readouterr().out.splitlines()[:3]
    row = dict(zip(header.split(), line.split(), strict=True))
    assert row["model"] == model
    assert row["n"] == "12"
    assert (tmp_path / "model" / "predictions.csv").is_file()


def test_evaluate_compares_models(data, trained, tmp_path, capsys):
    words, _, folder = trained
    assert main([*words, "--seed", "5", "-o", str(tmp_path / "other")]) == 0
    capsys.readouterr()
    models = [str(folder / "model"), str(tmp_path / "other" / "model")]
    words = ["evaluate", str(data / "salts.extxyz"), "--column", "constant"]
    assert main([*words, "-m", models[0], "-m", models[1]]) == 0
    lines = capsys.readouterr().out.splitlines()[2:4]
    assert [line.split()[0] for line in lines] == models
    assert lines[0].split()[1:] != lines[1].split()[1:]


@pytest.mark.parametrize(
    ("data_name", "model", "words"),
    [("salts.extxyz", "nonsense", "there is no model"), ("absent.csv", None, "absent.csv")],
)
def test_evaluate_names_what_is_not_there(data, trained, capsys, data_name, model, words):
    model = model or str(trained[2] / "model")
    assert main(["evaluate", str(data / data_name), "-m", model]) == 1
    assert words in capsys.readouterr().err


def test_ablate_prints_the_table(data, tmp_path, capsys, monkeypatch):
    rows = ["one-hot", "elemental"]
    from ase_orbital.training import ablation

    monkeypatch.setattr(ablation, "ROWS", {name: ablation.ROWS[name] for name in rows})
    words = ["ablate", str(data / "salts.extxyz"), "--column", "constant"]
    words += ["--config", str(data / "quick.toml"), "--epochs", "1"]
    assert main([*words, "-o", str(tmp_path / "table")]) == 0
    header, _, *lines = capsys.readouterr().out.splitlines()
    assert header.split()[:4] == ["network", "rows", "n_features", "set"]
    assert [line.split()[:2] for line in lines] == [
        [network, name] for network in ("EOSNet", "OCrystalNet") for name in rows
    ]
    assert (tmp_path / "table" / "ablation.csv").is_file()
