"""Selected rows pass the filter, are the best, and differ."""

import numpy as np
import pandas as pd
import pytest
from ase.build import make_supercell
from ase.io import write

from ase_orbital.errors import DataError, SettingError
from ase_orbital.screening import Results, screen, select


@pytest.fixture(scope="module")
def results(xyz, model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("selection") / "out"
    return screen(xyz, model, folder, workers=1, shard_size=13, device="cpu")


@pytest.fixture(scope="module")
def table(results):
    return results.frame()


def test_a_filter_is_that_of_pandas(results, table):
    low = table.band_gap.median()
    found = select(results, f"band_gap > {low} and formula != 'LiF'")
    good = table[table.error == ""]
    expected = good[(good.band_gap > low) & (good.formula != "LiF")]
    pd.testing.assert_frame_equal(found, expected, check_dtype=False)
    pd.testing.assert_frame_equal(results.selected(), expected, check_dtype=False)


@pytest.mark.parametrize("highest", [True, False])
def test_the_best_are_ranked(results, table, highest):
    ranking = {"top" if highest else "bottom": (7, "band_gap")}
    found = select(results, "n_atoms < 3", **ranking)
    expected = table.band_gap.sort_values(ascending=not highest).head(7)
    np.testing.assert_array_equal(found.band_gap, expected)


def test_rows_that_failed_are_never_selected(results):
    assert len(select(results, "n_atoms > 0")) == 58


@pytest.mark.parametrize("number", [None, 3])
def test_copies_are_left_out(frames, model, tmp_path, number):
    one, other, third = frames[0], frames[1], frames[15]
    cell = make_supercell(one, [[1, 1, 0], [0, 1, 0], [0, 0, 2]])
    write(tmp_path / "a.extxyz", [one, third, other, cell, third, one, other])
    results = screen(
        tmp_path / "a.extxyz", model, tmp_path / "out", workers=1, shard_size=2
    )
    if number is None:
        found = select(results, unique=True)
        assert found.frame.tolist() == [0, 1, 2]
    else:
        found = select(results, unique=True, top=(number, "band_gap"))
        assert len(found) == 3
        assert found.band_gap.is_monotonic_decreasing
        assert set(found.formula) == {"LiF", "NaCl"}


def test_wrong_selections_are_errors(results, xyz, model, tmp_path):
    with pytest.raises(
        SettingError, match=r"'bad_gap > 1' cannot be used: .*the columns are id,"
    ):
        select(results, "bad_gap > 1")
    with pytest.raises(SettingError, match="no column 'gap'; the columns are id,"):
        select(results, top=(3, "gap"))
    with pytest.raises(SettingError, match="at least 1, not 0"):
        select(results, bottom=(0, "band_gap"))
    with pytest.raises(SettingError, match="either top or bottom"):
        select(results, top=(3, "band_gap"), bottom=(3, "band_gap"))
    plain = screen(xyz, model, tmp_path / "out", workers=1, structures=False)
    with pytest.raises(DataError, match="unique needs them"):
        select(plain, unique=True)
    for path in (tmp_path / "out/shards").glob("*.json"):
        path.unlink()
    with pytest.raises(DataError, match="no finished shard"):
        select(Results(tmp_path / "out"))
