"""Tables of predictions, and the structures they name."""

import pandas
import pytest

from ase_orbital.errors import DataError
from ase_orbital.report.screened import from_table


def test_a_table_has_properties_and_domain(predictions):
    screened = from_table(predictions)
    assert screened.properties == ["band_gap", "bulk_modulus"]
    assert screened.inside.sum() == 12
    assert screened.frame["id"].tolist()[:2] == ["salt-0", "salt-1"]
    assert screened.frame["error"].tolist()[0] == ""


@pytest.mark.parametrize("suffix", [".json", ".csv"])
def test_structures_come_from_the_file_and_frame_beside_the_table(
    predictions, suffix, monkeypatch
):
    path = predictions.with_suffix(suffix)
    frame = pandas.read_csv(predictions)
    if suffix == ".json":
        frame.to_json(path, orient="records")
    found = from_table(path).atoms([14, 3, 16])
    assert [str(one.symbols) for one in found[:2]] == ["CsBr", "NaF"]
    assert found[2] is None  # bad1.cif is absent
    monkeypatch.chdir(predictions.parent)
    assert from_table(path).atoms([14])[0] == found[0]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("structure,property,value,formula\na,x,1,Cu\n", "without --long"),
        ("formula,band_gap\nCu,1\n", "lacks structure, n_atoms"),
        ("structure,formula,n_atoms\n", "has no rows"),
        ("", "cannot be read"),
    ],
)
def test_other_tables_are_refused(text, words, tmp_path):
    (tmp_path / "table.csv").write_text(text)
    with pytest.raises(DataError, match=rf"table\.csv .*{words}"):
        from_table(tmp_path / "table.csv")


def test_other_files_are_refused(tmp_path):
    with pytest.raises(DataError, match=r"must end with \.csv"):
        from_table(tmp_path / "table.txt")
