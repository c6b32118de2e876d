"""The train command gives the results of `train` in Python."""

import json
import re
import shutil
from argparse import ArgumentParser

import pytest
from ase.io import read, write

from ase_orbital import training
from ase_orbital.cli import train as command
from ase_orbital.cli.main import main
from ase_orbital.training import TrainingSettings


def test_the_command_line_overrides_the_settings_file(trained):
    _, code, folder = trained
    assert code == 0
    settings = TrainingSettings.from_file(folder / "settings.json")
    assert (settings.epochs, settings.batch_size) == (3, 8)
    assert settings.column == "constant"
    assert (folder / "model" / "model.pt").is_file()


def test_a_finished_run_prints_the_metrics_of_the_card_again(trained, capsys):
    words, _, folder = trained
    assert main([*words, "-o", str(folder)]) == 0
    out = capsys.readouterr().out
    content = json.loads((folder / "model" / "model.json").read_text())["metadata"]
    assert f"{content['metrics']['mae_test']:.4f}" in out
    assert str(folder / "model") in out


def test_a_folder_of_another_run_is_an_error_of_one_line(trained, capsys):
    words, _, folder = trained
    assert main([*words, "--seed", "7", "-o", str(folder)]) == 1
    err = capsys.readouterr().err
    assert err.startswith("ase-orbital: ")
    assert "other values of seed" in err


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (["--epochs", "0"], "epochs must be greater than 0"),
        (["--column", "nothing"], "no 'nothing', which is the setting column; they have"),
        (["--config", "absent.toml"], "absent.toml cannot be read"),
        (["--split", "nonsense"], "there is no split 'nonsense'"),
        (["--network-settings", '{"n_hiden": 3}'], "'n_hiden'"),
    ],
)
def test_invalid_values_are_an_error_of_one_line(trained, tmp_path, capsys, change, words):
    assert main([*trained[0], *change, "-o", str(tmp_path / "run")]) == 1
    assert words in capsys.readouterr().err


@pytest.mark.parametrize(
    "change", [["--epochs", "few"], ["--network", "CGCNN"], ["--unheard-of"]]
)
def test_misuse_of_the_command_exits_with_2(trained, tmp_path, change):
    with pytest.raises(SystemExit) as caught:
        main([*trained[0], *change, "-o", str(tmp_path / "run")])
    assert caught.value.code == 2


def parse(*words):
    parser = ArgumentParser()
    command.add_arguments(parser)
    return command.settings_of(parser.parse_args(["data", "-o", "run", *words]))


def test_options_change_the_settings_of_a_paper():
    settings = parse("--paper", "OCrystalNet", "--epochs", "3")
    assert settings.differences(TrainingSettings.paper("OCrystalNet", epochs=3)) == []


def test_a_paper_keeps_the_settings_of_the_machine(monkeypatch):
    monkeypatch.setattr(command.os, "cpu_count", lambda: 7)
    plain, paper = parse(), parse("--paper", "EOSNet")
    assert plain.workers == paper.workers == 7
    assert plain.progress == paper.progress


def test_other_data_need_an_option(trained, tmp_path, capsys):
    words, _, folder = trained
    fewer = tmp_path / "fewer.extxyz"
    write(fewer, read(words[1], ":50"))
    copy = shutil.copytree(folder, tmp_path / "run")
    assert main([words[0], str(fewer), *words[2:], "-o", str(copy)]) == 1
    text = capsys.readouterr().err
    assert "10 absent" in text
    assert "--other-data" in text
    call = [words[0], str(fewer), *words[2:], "-o", str(copy), "--other-data"]
    assert main(call) == 0


def test_folds_have_a_line_each_and_their_mean(trained, tmp_path, capsys):
    words = [*trained[0], "--epochs", "1", "--folds", "2", "-o", str(tmp_path)]
    assert main(words) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[2:6]] == [
        "fold-1",
        "fold-2",
        "mean",
        "standard",
    ]
    assert (tmp_path / "predictions.csv").read_text().count("\n") == 61


def test_a_figure_that_some_folds_lack_is_averaged_over_the_others(
    tmp_path, capsys, monkeypatch
):
    folds = [
        {"fold": "fold-1", "set": "test", "mae": 1.0},
        {"fold": "fold-2", "set": "test", "mae": 2.0, "outside_ratio": 3.0},
    ]
    monkeypatch.setattr(training, "cross_validate", lambda *_: folds)
    words = ["train", "data.extxyz", "--property-name", "x", "--folds", "2"]
    assert main([*words, "-o", str(tmp_path)]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[0][-2:] == ["mae", "outside_ratio"]
    assert [[float(number) for number in line[-2:]] for line in lines[3:5]] == [
        [2.0, 3.0],
        [1.5, 3.0],
    ]
    assert float(lines[5][-1]) == pytest.approx(0.5**0.5, abs=1e-3)


def test_the_output_has_the_error_of_predicting_the_mean(trained, capsys):
    words, _, folder = trained
    assert main([*words, "-o", str(folder)]) == 0
    out = capsys.readouterr().out
    assert re.search(r"^mae_of_mean +\d\.\d+ +\d\.\d+ +\d\.\d+$", out, re.MULTILINE)
    assert "errors in the unit of the data; mae_of_mean: of predicting the mean" in out
