"""The report command writes a page about the output of other commands."""

from ase_orbital.cli.main import main


def test_predictions_have_a_report(crystals, gap, capsys):
    files = [str(crystals / "salt.cif"), str(crystals / "metals.extxyz")]
    table = str(crystals / "gaps.csv")
    assert main(["predict", *files, "-m", gap, "-o", table]) == 0
    words = ["report", table, "--sort", "band_gap-", "--top", "2", "--points", "2"]
    assert main([*words, "-o", str(crystals / "page.html")]) == 0
    assert capsys.readouterr().out.endswith("page.html\n")
    assert "Screening of 3 structures" in (crystals / "page.html").read_text("utf-8")


def test_what_cannot_be_reported_is_one_line(tmp_path, capsys):
    assert main(["report", str(tmp_path)]) == 1
    assert "is no result of" in capsys.readouterr().err
