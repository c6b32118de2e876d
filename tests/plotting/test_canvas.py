"""Figures display themselves in notebooks, and leave pyplot's state alone."""

import sys

import numpy as np
import pytest
from ase.build import bulk
from matplotlib.figure import Figure

from ase_orbital import plotting
from ase_orbital.errors import SettingError
from ase_orbital.plotting.canvas import canvas, with_unit

RISING = np.linspace(0.0, 1.0, 5)
ONE_PANEL = {
    "compare_models": [{"gap": RISING}],
    "learning_curve": [[1, 2, 4], {"gap": [0.4, 0.3, 0.2]}],
    "training_history": [{"train": [0.4, 0.3]}],
    "roc_curves": [{"metal": (RISING, RISING)}],
    "spectra": [{"Cu": RISING[::-1]}],
    "distributions": [{300: RISING}],
    "parity": [RISING, RISING],
    "error_by_element": [[[1]] * 5, RISING],
    "error_by_size": [[1, 1, 2, 2, 3], RISING],
    "property_map": [RISING[:4].reshape(2, 2), "ab", "xy"],
}


@pytest.mark.parametrize("name", ONE_PANEL)
def test_one_panel_is_drawn_into_axes_that_are_given(name, tmp_path):
    figure = Figure()
    left, right = figure.subplots(ncols=2)
    draw = getattr(plotting, name)
    assert draw(*ONE_PANEL[name], title="mine", ax=right) is figure
    assert right.get_title() == "mine"
    assert right.has_data()
    assert not left.has_data()
    figure.savefig(tmp_path / "figure.png")
    assert draw(*ONE_PANEL[name]) is not figure


@pytest.mark.parametrize(
    "name",
    ["orbital_fields", "spectra", "similarity_map", "neighbor_weights", "distributions"],
)
def test_values_without_a_name_are_refused(name):
    given = [["Cu"]] if name == "similarity_map" else []
    draw = getattr(plotting, name)
    with pytest.raises(SettingError, match=r"dictionary of .* and not an Atoms$"):
        draw(bulk("Cu"), *given)
    with pytest.raises(SettingError, match=r"and not a ndarray$"):
        draw(np.zeros((32, 32)), *given)


def test_a_figure_is_a_png_in_a_notebook():
    figure, _ = canvas(2.0, 1.0)
    assert figure._repr_png_().startswith(b"\x89PNG")
    assert (
        "matplotlib.pyplot" not in sys.modules
        or not sys.modules["matplotlib.pyplot"].get_fignums()
    )


def test_units_follow_in_parentheses():
    assert with_unit("band_gap", "eV") == "band gap (eV)"
    assert with_unit("metal_probability", "1") == with_unit("metal_probability", "")
