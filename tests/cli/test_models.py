"""ase-orbital models."""

from ase_orbital import list_models
from ase_orbital.cli.main import main


def test_models_lists_all_models_with_test_errors(capsys):
    assert main(["models"]) in (0, None)
    out = capsys.readouterr().out
    assert all(name in out for name in list_models())
    assert "eV/atom" in out
