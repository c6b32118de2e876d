"""The ablate command trains each network on each descriptor."""

from ase_orbital.cli.main import main
from ase_orbital.training import series


def test_a_figure_that_some_runs_lack_leaves_a_gap(tmp_path, capsys, monkeypatch):
    """Such as outside_ratio, if no crystal of a test set is outside the domain."""
    rows = [
        {"network": "EOSNet", "mae": 1.0, "minutes": 2.0},
        {"network": "OCrystalNet", "mae": 3.0, "outside_ratio": 4.0, "minutes": 5.0},
    ]
    monkeypatch.setattr(series, "ablate", lambda *_: rows)
    assert main(["ablate", "data.extxyz", "-o", str(tmp_path)]) == 0
    header, _, *lines = capsys.readouterr().out.splitlines()
    assert header.split() == ["network", "mae", "minutes", "outside_ratio"]
    numbers = [[float(number) for number in line.split()[1:]] for line in lines]
    assert numbers == [[1.0, 2.0], [3.0, 5.0, 4.0]]


def test_ablate_prints_the_table(data, tmp_path, capsys, monkeypatch):
    names = ["one-hot", "elemental"]
    chosen = {name: series.DESCRIPTORS[name] for name in names}
    monkeypatch.setattr(series, "DESCRIPTORS", chosen)
    words = ["ablate", str(data / "salts.extxyz"), "--column", "constant"]
    words += ["--config", str(data / "quick.toml"), "--epochs", "1"]
    assert main([*words, "-o", str(tmp_path / "table")]) == 0
    header, _, *lines = capsys.readouterr().out.splitlines()
    assert header.split()[:4] == ["network", "descriptor", "n_features", "set"]
    assert [line.split()[:2] for line in lines] == [
        [network, name] for network in ("EOSNet", "OCrystalNet") for name in names
    ]
    assert (tmp_path / "table" / "ablation.csv").is_file()
