"""Tables of predictions, and the structures they name."""

import numpy as np
import pandas
import pytest

from ase_orbital import ElementalFeatures, OneHot
from ase_orbital.errors import DataError
from ase_orbital.report import write_report
from ase_orbital.report.screened import from_results, from_table


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


def test_the_results_of_a_screening_are_read(salts, tmp_path):
    pytest.importorskip("pyarrow")
    from ase_orbital.models import EOSNet
    from ase_orbital.screening import Results, screen, select

    model = EOSNet(OneHot(), property_name="band_gap", elements=[3, 9, 11, 17], n_hidden=4)
    model.save(tmp_path / "gap", metadata={})
    crystals = salts[0][:24]
    screen(
        crystals, tmp_path / "gap", tmp_path / "out", workers=1, descriptors=["elemental"],
        shard_size=10,
    )  # fmt: skip
    screened = from_results(tmp_path / "out")
    assert screened.properties == ["band_gap"]
    good = screened.frame[screened.frame["error"] == ""]
    assert 0 < len(good) < len(crystals)  # the others have elements it does not know
    assert dict(screened.facts)["models"] == "gap"
    assert (screened.note, screened.selected) == ("", None)
    rows = list(good.index[[5, 0]])
    numbers = [crystals[10 * shard + row].numbers for shard, row in rows]
    np.testing.assert_array_equal([one.numbers for one in screened.atoms(rows)], numbers)
    elemental = ElementalFeatures()
    expected = [
        elemental.create(crystals[10 * shard + row]).mean(axis=0) for shard, row in rows
    ]
    np.testing.assert_allclose(screened.features(rows), expected, rtol=1e-5, atol=1e-6)
    select(Results(tmp_path / "out"), top=(2, "band_gap"))
    assert len(from_results(tmp_path / "out").selected) == 2
    assert write_report(tmp_path / "out") == tmp_path / "out/report.html"
