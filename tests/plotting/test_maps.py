"""Maps show each value in its cell, and leave cells without a value blank."""

import numpy as np
import pytest

from ase_orbital.errors import SettingError
from ase_orbital.plotting import property_map, similarity_map

VALUES = np.array([[0.5, -0.25, np.nan], [1.0, 0.0, 2.0]])


def image(axes):
    return axes.images[0].get_array()


def test_rows_run_downwards_and_missing_cells_are_masked():
    figure = property_map(
        VALUES, ["Sr", "Ba"], ["Ti", "Zr", "Hf"], label="band_gap", unit="eV",
        row_label="A", column_label="B",
    )  # fmt: skip
    axes, bar = figure.axes
    np.testing.assert_array_equal(image(axes).mask, np.isnan(VALUES))
    np.testing.assert_allclose(image(axes).filled(np.nan), VALUES)
    assert [label.get_text() for label in axes.get_yticklabels()] == ["Sr", "Ba"]
    assert axes.get_ylim()[0] > axes.get_ylim()[1]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["Ti", "Zr", "Hf"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("B", "A")
    assert bar.get_ylabel() == "band gap (eV)"
    assert not figure.legends


def test_the_color_scale_has_the_given_center():
    axes = property_map(VALUES, "ab", "xyz", center=0.2).axes[0]
    low, high = axes.images[0].get_clim()
    assert (low + high) / 2 == pytest.approx(0.2)
    assert high == pytest.approx(2.0)


def test_only_predicted_cells_outside_the_domain_are_crossed(tmp_path):
    inside = [[1.0, 0.0, 0.0], [1.0, 1.0, 0.0]]
    figure = property_map(VALUES, "ab", "xyz", in_domain=inside)
    crosses = np.asarray(figure.axes[0].collections[0].get_offsets())
    # (x, y): the third of the first row has no value to mark.
    assert sorted(map(tuple, crosses)) == [(1, 0), (2, 1)]
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["outside the domain"]
    figure.savefig(tmp_path / "map.png")


def test_arrays_of_other_shapes_are_refused():
    with pytest.raises(SettingError, match=r"values has shape \[2, 3\], not \[3, 2\]"):
        property_map(VALUES, "abc", "xy")
    with pytest.raises(SettingError, match=r"in_domain has shape \[3\], not \[2, 3\]"):
        property_map(VALUES, "ab", "xyz", in_domain=[1, 1, 1])
    with pytest.raises(SettingError, match="no finite value"):
        property_map([[np.nan]], "a", "b")


FEATURES = np.array([[1.0, 0.0], [0.0, 2.0], [3.0, 3.0], [0.0, 0.0]])


def test_similarities_are_cosines_sorted_by_group(tmp_path):
    figure = similarity_map({"features": FEATURES}, ["O", "Mn", "O", "Mn"])
    half = 0.5**0.5
    expected = [  # O, O, Mn, Mn; the last atom has no features
        [1.0, half, 0.0, 0.0],
        [half, 1.0, half, 0.0],
        [0.0, half, 1.0, 0.0],
        [0.0, 0.0, 0.0, 0.0],
    ]
    axes = figure.axes[0]
    np.testing.assert_allclose(image(axes), expected, atol=1e-12)
    assert [label.get_text() for label in axes.get_yticklabels()] == ["O", "Mn"]
    assert list(axes.get_yticks()) == [0.5, 2.5]
    figure.savefig(tmp_path / "similarity.png")


def test_panels_share_one_color_scale():
    figure = similarity_map({"before": FEATURES, "after": FEATURES[::-1] + 1.0}, "abba")
    first, second = (axes.images[0] for axes in figure.axes[:2])
    assert first.get_clim() == second.get_clim() == (0.0, 1.0)
    assert [axes.get_title() for axes in figure.axes[:2]] == ["before", "after"]


def test_features_of_another_number_of_atoms_are_refused():
    with pytest.raises(SettingError, match=r"'mine' have shape \[4, 2\].*the 3 atoms"):
        similarity_map({"mine": FEATURES}, "abc")
    with pytest.raises(SettingError, match="no features"):
        similarity_map({}, "abc")
