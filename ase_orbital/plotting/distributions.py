"""Distributions of a value in groups, such as temperatures, phases or models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ase_orbital.errors import SettingError
from ase_orbital.plotting.canvas import COLORS, canvas, check_named, with_unit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike

N_GRID = 200  # points at which a density is evaluated


def distributions(
    groups: Mapping[Any, ArrayLike],
    *,
    label: str = "",
    unit: str = "",
    by: str = "",
    title: str = "",
    ax: Axes | None = None,
) -> Figure:
    """Draw the distribution of values in each group, with mean and standard deviation.

    Parameters
    ----------
    groups
        Values by name of the group, [n_values] each. Values that are not finite are left
        out. Names that are numbers, such as temperatures, are positions on the horizontal
        axis.
    by
        Label of the horizontal axis, with its unit.

    Raises
    ------
    SettingError
        If a group has no value.
    """
    check_named(groups, "groups of values")
    if not groups:
        raise SettingError("there is no group of values to draw")
    figure, axes = canvas(5.2, 3.4, ax=ax)
    numeric = all(isinstance(name, int | float) for name in groups)
    places = np.array([*groups] if numeric else range(len(groups)), float)
    gaps = np.diff(np.sort(places))
    width = 0.8 * (gaps[gaps > 0].min() if (gaps > 0).any() else 1.0)
    for place, (name, values) in zip(places, groups.items(), strict=True):
        finite = np.asarray(values, float)
        finite = finite[np.isfinite(finite)]
        if not len(finite):
            raise SettingError(f"the group {name!r} has no value")
        if np.ptp(finite) > 0.0:
            drawn: dict[str, Any] = axes.violinplot(
                [finite], [place], widths=width, showextrema=False, points=N_GRID
            )
            for body in drawn["bodies"]:
                body.set(facecolor=COLORS[5], edgecolor="none", alpha=0.6)
        axes.errorbar(
            place, finite.mean(), finite.std(), fmt="o", markersize=4.5, capsize=3.0,
            color=COLORS[0], linewidth=1.4,
        )  # fmt: skip
    axes.set_xticks(places, [str(name) for name in groups])
    axes.set(xlabel=by, ylabel=with_unit(label, unit), title=title)
    return figure
