"""The evaluate command prints the metrics of each model."""

import pytest

from ase_orbital.cli.main import main


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


def test_the_file_trained_on_is_noticed(data, trained, capsys, caplog):
    model = str(trained[2] / "model")
    words = ["evaluate", str(data / "salts.extxyz"), "--column", "constant", "-m", model]
    assert main(words) == 0
    assert "54 of 60 crystals were used to train or calibrate" in caplog.text
    capsys.readouterr()
    caplog.clear()
    assert main([*words, "--only", "test", "--format", "extxyz"]) == 0
    line = capsys.readouterr().out.splitlines()[2]
    assert line.split()[:2] == [model, "6"]
    assert not caplog.text
