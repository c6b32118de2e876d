"""Violins, means and standard deviations are those of the given values."""

import numpy as np
import pytest

from ase_orbital.errors import SettingError
from ase_orbital.plotting import distributions

RANDOM = np.random.default_rng(0)


def test_groups_with_numbers_as_names_are_drawn_at_their_positions():
    groups = {300: RANDOM.normal(1.0, 0.1, 50), 900: RANDOM.normal(2.0, 0.3, 50)}
    (axes,) = distributions(groups, label="band_gap", unit="eV", by="temperature (K)").axes
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("temperature (K)", "band gap (eV)")
    assert [text.get_text() for text in axes.get_xticklabels()] == ["300", "900"]
    means = [container.lines[0].get_xydata()[0] for container in axes.containers]
    expected = [(place, values.mean()) for place, values in groups.items()]
    np.testing.assert_allclose(means, expected)
    (low, high) = axes.containers[1].lines[2][0].get_segments()[0][:, 1]
    assert (high - low) / 2 == pytest.approx(groups[900].std())


def test_groups_with_other_names_are_drawn_side_by_side(tmp_path):
    figure = distributions({"solid": [1.0, 2.0, np.nan], "alike": [1.0, 1.0], "one": [3.0]})
    (axes,) = figure.axes
    assert [text.get_text() for text in axes.get_xticklabels()] == ["solid", "alike", "one"]
    assert axes.containers[0].lines[0].get_ydata()[0] == 1.5
    figure.savefig(tmp_path / "names.png")


@pytest.mark.parametrize(
    ("groups", "message"), [({}, "no group"), ({"melt": [np.nan]}, "'melt' has no value")]
)
def test_groups_without_values_are_refused(groups, message):
    with pytest.raises(SettingError, match=message):
        distributions(groups)
