"""ase-orbital import-eosnet on a published checkpoint."""

import pytest

from ase_orbital import Predictor
from ase_orbital.cli.main import main


def test_import_eosnet_makes_a_folder_that_predicts(shared, tmp_path, capsys):
    checkpoint = shared / "reference" / "eosnet_ASEDB_Perov_Eform.pth.tar"
    arguments = ["--property", "heat_of_formation", "--normalized-edges"]
    main(["import-eosnet", str(checkpoint), *arguments, "-o", str(tmp_path / "published")])
    assert "99841" in capsys.readouterr().out
    predicted = Predictor(tmp_path / "published").predict("tutorials/SrTiO3.cif")
    assert predicted["heat_of_formation"] == pytest.approx(-0.224, abs=0.01)


def test_the_normalization_of_edges_must_be_given():
    words = ["import-eosnet", "model.pth.tar", "--property", "band_gap", "-o", "out"]
    with pytest.raises(SystemExit) as caught:
        main(words)
    assert caught.value.code == 2


def test_a_file_that_is_not_a_checkpoint_is_one_line_and_exit_1(tmp_path, capsys):
    (tmp_path / "model.pth.tar").write_text("weights")
    words = ["import-eosnet", str(tmp_path / "model.pth.tar"), "--plain-edges"]
    words += ["--property", "band_gap", "-o", str(tmp_path / "out")]
    assert main(words) == 1
    assert capsys.readouterr().err.startswith("ase-orbital: ")
    assert not (tmp_path / "out").exists()
