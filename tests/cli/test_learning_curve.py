"""ase-orbital learning-curve on a small set."""

from ase_orbital.cli.main import main


def test_learning_curve_prints_errors_of_both_networks_by_size(data, tmp_path, capsys):
    words = ["learning-curve", str(data / "salts.extxyz"), "--column", "constant"]
    words += ["--config", str(data / "quick.toml"), "--epochs", "1"]
    words += ["--train-on", "30", "10", "--test-on", "12"]
    assert main([*words, "-o", str(tmp_path / "curve")]) == 0
    header, _, *lines = capsys.readouterr().out.splitlines()
    assert header.split() == ["n_train", "EOSNet", "OCrystalNet"]
    assert [line.split()[0] for line in lines] == ["10", "30"]
    assert all(float(error) > 0.0 for line in lines for error in line.split()[1:])
