"""What results are is recognized from their files."""

import pandas
import pytest

from ase_orbital.errors import DataError, SettingError
from ase_orbital.report import write_report


def test_the_report_lies_beside_the_results(predictions, evaluated):
    assert write_report(predictions) == predictions.with_suffix(".html")
    assert write_report(evaluated) == evaluated / "report.html"
    assert "Evaluation of mine" in (evaluated / "report.html").read_text("utf-8")


def test_other_folders_and_absent_ones_are_refused(tmp_path):
    for path in (tmp_path, tmp_path / "absent"):
        with pytest.raises(DataError, match="is no result of ase-orbital screen, predict"):
            write_report(path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["top", "points"])
def test_numbers_below_one_are_refused(name, predictions):
    with pytest.raises(SettingError, match="at least 1"):
        write_report(predictions, **{name: 0})


@pytest.mark.parametrize(("column", "value"), [("in_domain", "x"), ("structure", "")])
def test_a_damaged_table_is_refused(predictions, tmp_path, column, value):
    table = pandas.read_csv(predictions, dtype=str, keep_default_na=False)
    table.loc[3, column] = value
    table.to_csv(tmp_path / "table.csv", index=False)
    with pytest.raises(DataError, match=r"table\.csv is damaged"):
        write_report(tmp_path / "table.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["table.csv"]


@pytest.mark.parametrize("value", ["inf", "nan", "x", ""])
def test_a_damaged_evaluation_is_refused(evaluated, value):
    path = evaluated / "first/predictions.csv"
    table = pandas.read_csv(path, dtype=str)
    table.loc[3, "predicted"] = value
    table.to_csv(path, index=False)
    with pytest.raises(DataError, match="run the evaluation again"):
        write_report(evaluated)
