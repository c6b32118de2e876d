"""The picture of a path shows the rows it was given."""

import numpy as np
import pytest

from ase_orbital.errors import SettingError
from ase_orbital.plotting import along_path

UNITS = {"energy": "eV", "band_gap": "eV", "band_gap_std": "eV", "time": "fs"}


def path(n, shift=0.0, **labels):
    return [
        {**labels, "step": k, "energy": -k + shift, "band_gap": 0.1 * k + shift,
         "band_gap_std": 0.05, "reason": ""}
        for k in range(n)
    ]  # fmt: skip


def test_a_panel_a_number_and_a_band_for_its_spread():
    figure = along_path(path(5), ["energy", "band_gap", "band_gap_std"], units=UNITS)
    energy, gap = figure.axes
    assert (energy.get_ylabel(), gap.get_ylabel()) == ("energy (eV)", "band gap (eV)")
    np.testing.assert_allclose(gap.lines[0].get_xydata()[:, 1], 0.1 * np.arange(5))
    (band,) = gap.collections
    heights = band.get_paths()[0].vertices[:, 1]
    assert (heights.min(), heights.max()) == pytest.approx((-0.05, 0.45))
    assert energy.get_legend() is None
    assert gap.get_xlabel() == "step"


def test_no_band_for_a_spread_that_was_not_named():
    (gap,) = along_path(path(5), ["band_gap"], units=UNITS).axes
    assert len(gap.collections) == 0


def test_a_spread_alone_is_a_panel():
    (axes,) = along_path(path(5), ["band_gap_std"], units=UNITS).axes
    np.testing.assert_allclose(axes.lines[0].get_ydata(), 0.05)


def test_runs_and_images_are_lines_of_their_own():
    rows = path(3, run="first") + path(3, 1.0, run="second")
    (axes,) = along_path(rows, ["energy"], units=UNITS).axes
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [
        "first",
        "second",
    ]
    assert [line.get_ydata()[0] for line in axes.lines] == [0.0, 1.0]
    images = [{**row, "image": index} for index in range(2) for row in path(3)]
    (axes,) = along_path(images, ["energy"], units=UNITS).axes
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [
        "image 0",
        "image 1",
    ]


def test_labels_that_are_numbers_say_of_what():
    rows = path(3, max_force=300) + path(3, 1.0, max_force=900)
    (axes,) = along_path(rows, ["energy"], units=UNITS).axes
    texts = [text.get_text() for text in axes.get_legend().get_texts()]
    assert texts == ["max force 300", "max force 900"]


def test_rows_without_steps_are_no_path():
    with pytest.raises(SettingError, match="needs a step in each row"):
        along_path([{"energy": 1.0}], ["energy"], units=UNITS)


def test_a_missing_value_is_a_gap_that_is_marked():
    rows = path(5)
    rows[2] |= {"band_gap": np.nan, "band_gap_std": np.nan, "reason": "too close"}
    energy, gap = along_path(rows, ["energy", "band_gap"], units=UNITS).axes
    assert np.isnan(gap.lines[0].get_ydata()[2])
    assert gap.lines[1].get_xdata()[0] == 2
    assert len(energy.lines) == 1


def test_against_time_where_all_rows_have_it(tmp_path):
    rows = [{**row, "time": 2.0 * row["step"]} for row in path(70)]
    figure = along_path(rows, ["energy"], units=UNITS, title="a run")
    assert figure.axes[0].get_xlabel() == "time (fs)"
    assert figure.axes[0].lines[0].get_xdata()[-1] == 138.0
    figure.savefig(tmp_path / "path.png")
    assert (tmp_path / "path.png").stat().st_size > 5_000
