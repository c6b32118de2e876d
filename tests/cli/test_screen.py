"""The command screen: files become ranked candidates, and a run goes on after a stop."""

import csv

import pytest
from ase.db import connect

from ase_orbital.cli.main import main
from ase_orbital.screening import read_results

pytest.importorskip("pyarrow")


@pytest.fixture
def words(gap, crystals, tmp_path):
    """A command whose second structure is unknown to the model, and a broken file."""
    (crystals / "broken.cif").write_text("no CIF")
    inputs = [str(crystals / name) for name in ("broken.cif", "metals.extxyz", "salt.cif")]
    return ["screen", *inputs, "-m", gap, "-o", str(tmp_path / "out"), "--workers", "1"]


def test_a_folder_of_results_is_written_and_continued(words, capsys, tmp_path):
    assert main(words) == 0
    assert f"4 structures, 1 failed: {tmp_path}/out" in capsys.readouterr().out
    table = read_results(tmp_path / "out")
    assert table.formula.tolist()[1:] == ["Cu", "Al", "NaCl"]
    assert main(words) == 0
    assert "4 structures, 1 failed" in capsys.readouterr().out


def test_candidates_are_selected_and_written(words, capsys, tmp_path):
    chosen = ["--filter", "n_atoms < 5", "--bottom", "2", "band_gap", "--unique"]
    chosen += ["--write", str(tmp_path / "best.db")]
    assert main([*words, *chosen]) == 0
    out = capsys.readouterr().out
    assert "2 selected" in out
    assert "(eV)" in out
    rows = list(connect(tmp_path / "best.db").select())
    gaps = [row.orbital_band_gap for row in rows]
    assert gaps == sorted(gaps)
    assert len(rows) == 2


def test_all_rows_of_a_small_job_are_written(words, tmp_path, capsys):
    assert main([*words, "--write", str(tmp_path / "all.csv")]) == 0
    with (tmp_path / "all.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["formula"] for row in rows] == ["", "Cu", "Al", "NaCl"]
    assert [row["n_atoms"] for row in rows] == ["", "1", "1", "2"]
    assert [bool(row["error"]) for row in rows] == [True, False, False, False]
    assert main([*words, "--write", str(tmp_path / "all.db")]) == 0
    assert connect(tmp_path / "all.db").count() == 3
    assert "selected" not in capsys.readouterr().out


def test_shares_are_selected_from_when_all_are_done(words, capsys):
    for index in range(2):
        assert (
            main(
                [
                    *words,
                    "--shard-size",
                    "1",
                    "--shard",
                    f"{index}/2",
                    "--top",
                    "1",
                    "band_gap",
                ]
            )
            == 0
        )
        captured = capsys.readouterr()
        assert ("before all shares are done" in captured.err) == (index == 0)
        assert ("1 selected" in captured.out) == (index == 1)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (["--top", "x", "band_gap"], "--top needs a number and a column, not x band_gap"),
        (["--top", "1", "gap"], "no column 'gap'"),
        (["--filter", "gap >"], "cannot be used"),
        (["--descriptors", "soap"], "no descriptor 'soap'"),
    ],
)
def test_wrong_options_are_one_line(words, option, message, capsys):
    assert main([*words, *option]) == 1
    assert message in capsys.readouterr().err.splitlines()[-1]


def test_a_wrong_share_is_a_wrong_call(words, capsys):
    with pytest.raises(SystemExit):
        main([*words, "--shard", "3"])
    assert "'3' is not such as 0/8" in capsys.readouterr().err
