"""Lines, bands and gaps along a path are those of the given records."""

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


def test_a_property_has_a_panel_with_a_band_for_its_standard_deviation():
    figure = along_path(path(5), ["energy", "band_gap", "band_gap_std"], units=UNITS)
    energy, gap = figure.axes
    assert (energy.get_ylabel(), gap.get_ylabel()) == ("energy (eV)", "band gap (eV)")
    np.testing.assert_allclose(gap.lines[0].get_xydata()[:, 1], 0.1 * np.arange(5))
    (band,) = gap.collections
    heights = band.get_paths()[0].vertices[:, 1]
    assert (heights.min(), heights.max()) == pytest.approx((-0.05, 0.45))
    assert energy.get_legend() is None
    assert gap.get_xlabel() == "step"


def test_a_standard_deviation_is_drawn_only_if_named():
    (gap,) = along_path(path(5), ["band_gap"], units=UNITS).axes
    assert len(gap.collections) == 0


def test_a_standard_deviation_alone_has_a_panel():
    (axes,) = along_path(path(5), ["band_gap_std"], units=UNITS).axes
    np.testing.assert_allclose(axes.lines[0].get_ydata(), 0.05)


def test_each_run_and_each_image_has_a_line():
    records = path(3, run="first") + path(3, 1.0, run="second")
    (axes,) = along_path(records, ["energy"], units=UNITS).axes
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [
        "first",
        "second",
    ]
    assert [line.get_ydata()[0] for line in axes.lines] == [0.0, 1.0]
    images = [{**record, "image": index} for index in range(2) for record in path(3)]
    (axes,) = along_path(images, ["energy"], units=UNITS).axes
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [
        "image 0",
        "image 1",
    ]


def test_numeric_labels_are_drawn_with_their_names():
    records = path(3, max_force=300) + path(3, 1.0, max_force=900)
    (axes,) = along_path(records, ["energy"], units=UNITS).axes
    texts = [text.get_text() for text in axes.get_legend().get_texts()]
    assert texts == ["max force 300", "max force 900"]


def test_records_without_steps_are_refused():
    with pytest.raises(SettingError, match="needs a step in each record"):
        along_path([{"energy": 1.0}], ["energy"], units=UNITS)


def test_a_missing_prediction_is_a_marked_gap():
    records = path(5)
    records[2] |= {"band_gap": np.nan, "band_gap_std": np.nan, "reason": "too close"}
    energy, gap = along_path(records, ["energy", "band_gap"], units=UNITS).axes
    assert np.isnan(gap.lines[0].get_ydata()[2])
    assert gap.lines[1].get_xdata()[0] == 2
    assert len(energy.lines) == 1


def test_time_is_the_axis_if_all_records_have_it(tmp_path):
    records = [{**record, "time": 2.0 * record["step"]} for record in path(70)]
    figure = along_path(records, ["energy"], units=UNITS, title="a run")
    assert figure.axes[0].get_xlabel() == "time (fs)"
    assert figure.axes[0].lines[0].get_xdata()[-1] == 138.0
    figure.savefig(tmp_path / "path.png")
    assert (tmp_path / "path.png").stat().st_size > 5_000


@pytest.mark.parametrize("name", ["in_domain", "metal_probability"])
def test_flags_and_probabilities_have_the_axis_from_zero_to_one(name):
    records = [{"step": step, name: 1.0} for step in range(3)]
    (axes,) = along_path(records, [name], units={}).axes
    assert axes.get_ylim() == (-0.05, 1.05)
