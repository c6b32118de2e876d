"""Figures display themselves in notebooks, and leave pyplot's state alone."""

import sys

from ase_orbital.plotting.canvas import canvas, with_unit


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
