"""Properties on a grid of elements, and similarities between the atoms of a crystal."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np

from ase_orbital.errors import SettingError
from ase_orbital.plotting.canvas import (
    DENSITY,
    NotebookFigure,
    canvas,
    check_named,
    divide,
    with_unit,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike

DIVERGING = "PuOr"
MISSING = "0.85"  # color of cells without a value


def property_map(
    values: ArrayLike,
    rows: Sequence[str],
    columns: Sequence[str],
    *,
    row_label: str = "",
    column_label: str = "",
    label: str = "",
    unit: str = "",
    center: float | None = None,
    in_domain: ArrayLike | None = None,
    title: str = "",
    ax: Axes | None = None,
) -> Figure:
    """Draw a property on a grid, for example of the elements on two sites of a crystal.

    Parameters
    ----------
    values : [n_rows, n_columns]
        Values; NaN where there is none.
    rows, columns
        Names of the rows from top to bottom, and of the columns.
    row_label, column_label
        Labels of the axes.
    center
        Value at the center of a diverging color scale; None for a sequential scale.
    in_domain : [n_rows, n_columns], optional
        Cells in which this is false are marked with a cross.

    Raises
    ------
    SettingError
        If the shapes differ, or no value is finite.
    """
    grid = np.asarray(values, float)
    expected = (len(rows), len(columns))
    outside = np.zeros(expected, bool)
    if in_domain is not None:
        outside = np.asarray(in_domain, float) == 0.0
    for name, array in (("values", grid), ("in_domain", outside)):
        if array.shape != expected:
            raise SettingError(
                f"{name} has shape {list(array.shape)}, not {list(expected)}: give one "
                "value for each row and column"
            )
    present = np.isfinite(grid)
    if not present.any():
        raise SettingError("there is no finite value to draw")
    figure, axes = canvas(0.27 * len(columns) + 1.9, 0.25 * len(rows) + 0.9, ax=ax)
    axes.spines[:].set_visible(False)
    axes.set_facecolor(MISSING)
    scale: dict[str, Any] = {"cmap": DENSITY}
    if center is not None:
        extent = np.abs(grid[present] - center).max() or 1.0
        scale = {"cmap": DIVERGING, "vmin": center - extent, "vmax": center + extent}
    image = axes.imshow(np.ma.masked_invalid(grid), aspect="auto", **scale)
    down, across = np.nonzero(outside & present)
    if len(down):
        for line, color in ((2.0, "white"), (0.9, "black")):  # visible on any color
            axes.scatter(across, down, marker="x", s=22.0, linewidths=line, color=color)
        crosses = axes.scatter(
            [], [], marker="x", s=22.0, c="k", label="outside the domain"
        )
        owner: Any = figure if ax is None else axes
        place = "outside lower right" if ax is None else "best"
        owner.legend(
            handles=[crosses], loc=place, frameon=False, fontsize=9, handletextpad=0.1
        )
    axes.set_xticks(np.arange(len(columns)), columns, fontsize=9)
    axes.set_yticks(np.arange(len(rows)), rows, fontsize=9)
    axes.tick_params(length=0.0)
    axes.set(xlabel=column_label, ylabel=row_label, title=title)
    figure.colorbar(image, ax=axes, label=with_unit(label, unit), aspect=25, pad=0.02)
    return figure


def similarity_map(
    features: Mapping[str, ArrayLike], groups: Sequence[str], *, title: str = ""
) -> Figure:
    r"""Draw the cosine similarity between the features of atoms.

    $\cos_{ij} = x_i \cdot x_j / (|x_i| |x_j|)$

    Parameters
    ----------
    features
        Descriptors of the atoms of a crystal or their hidden features in a network,
        [n_atoms, n_features], by the title of their panel.
    groups : [n_atoms]
        Group of each atom, such as its element. Atoms of one group are drawn together, in
        the order in which the groups first occur.

    Raises
    ------
    SettingError
        If the number of atoms is not that of `groups`.
    """
    check_named(features, "features")
    order = sorted(range(len(groups)), key=lambda index: list(groups).index(groups[index]))
    cosines = {}
    for name, given in features.items():
        array = np.asarray(given, float)
        if array.ndim != 2 or len(array) != len(groups) or not len(array):
            raise SettingError(
                f"the features {name!r} have shape {list(array.shape)}; give one row for "
                f"each of the {len(groups)} atoms in groups"
            )
        length = np.linalg.norm(array, axis=1, keepdims=True)
        unit = array / np.where(length > 0.0, length, 1.0)
        cosines[name] = (unit @ unit.T)[np.ix_(order, order)]
    if not cosines:
        raise SettingError("there are no features to compare")
    lowest = min(cosine.min() for cosine in cosines.values())
    figure = NotebookFigure(3.1 * len(cosines) + 1.3, 3.4 + 0.3 * bool(title), title)
    panels = figure.subplots(ncols=len(cosines), squeeze=False)[0]
    for axes, (name, cosine) in zip(panels, cosines.items(), strict=True):
        image = axes.imshow(cosine, cmap=DENSITY, vmin=lowest, vmax=1.0)
        axes.set_title(name, fontsize=10)
        _label_groups(axes, [groups[index] for index in order], names=axes is panels[0])
    figure.colorbar(
        image, ax=list(panels), label="cosine between atoms", aspect=20, pad=0.02
    )
    return figure


def _label_groups(axes: Axes, ordered: Sequence[str], *, names: bool) -> None:
    """Draw lines between the groups of atoms, and label them."""
    sizes = [(group, len(list(members))) for group, members in groupby(ordered)]
    ends = np.cumsum([size for _, size in sizes])
    for end in ends[:-1]:
        divide(axes, end, 1.2)
    places = [end - 0.5 * size - 0.5 for end, (_, size) in zip(ends, sizes, strict=True)]
    labels = [group for group, _ in sizes]
    axes.set_xticks(places, labels, fontsize=9, rotation=30, ha="right")
    axes.set_yticks(places, labels if names else [""] * len(labels), fontsize=9)
    axes.tick_params(length=0.0)
