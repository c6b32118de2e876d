"""The ablate command trains each network on each descriptor."""

from ase_orbital.cli.main import main
from ase_orbital.training import series


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
