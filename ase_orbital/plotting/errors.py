"""Predicted against known values, and errors by element and by cell size."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ase_orbital.elements import SYMBOLS
from ase_orbital.numerics.digits import mean_with_digits, rounded
from ase_orbital.plotting.canvas import COLORS, DENSITY, GUIDE, canvas, with_unit
from ase_orbital.statistics import element_errors, point_density, size_classes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike

MARGIN = 0.03  # on both sides of a parity plot, as a fraction of the range


def parity(
    known: ArrayLike,
    predicted: ArrayLike,
    *,
    label: str = "",
    unit: str = "",
    in_domain: ArrayLike | None = None,
    title: str = "",
    ax: Axes | None = None,
) -> Figure:
    """Draw predicted against known values, colored by the density of points.

    Parameters
    ----------
    known, predicted : [n_crystals]
        Values in one unit.
    in_domain : [n_crystals], optional
        Crystals for which this is false are marked with a ring.
    """
    x, y = np.asarray(known, float), np.asarray(predicted, float)
    inside = np.ones(len(x), bool) if in_domain is None else np.asarray(in_domain, bool)
    figure, axes = canvas(4.7, 4.0, ax=ax)
    low, high = min(x.min(), y.min()), max(x.max(), y.max())
    margin = MARGIN * (high - low) or 1.0
    limits = (low - margin, high + margin)
    density = point_density(x, y, limits)
    order = density.argsort()  # the densest on top
    points = axes.scatter(
        x[order], y[order], c=density[order], s=5.0, cmap=DENSITY, linewidths=0.0,
        rasterized=True,
    )  # fmt: skip
    if not inside.all():
        axes.scatter(
            x[~inside], y[~inside], s=22.0, facecolors="none", edgecolors=COLORS[1],
            linewidths=0.9, label="outside the domain",
        )  # fmt: skip
        axes.legend(loc="lower right", frameon=False, fontsize=9, handletextpad=0.1)
    axes.plot(limits, limits, **GUIDE)
    axes.set(xlim=limits, ylim=limits, aspect="equal", title=title)
    axes.set_xlabel(with_unit(f"known {label}".strip(), unit))
    axes.set_ylabel(with_unit(f"predicted {label}".strip(), unit))
    bar = figure.colorbar(points, ax=axes, shrink=0.8, ticks=[density.min(), density.max()])
    bar.ax.set_yticklabels(["few", "many"])
    bar.set_label("crystals", labelpad=-18)
    error = y - x
    total = np.square(x - x.mean()).sum()
    uncertainty = np.abs(error).std() / np.sqrt(len(error))
    suffix = f" {unit}" if unit and unit != "1" else ""
    lines = [
        f"{len(x):,} crystals",
        f"MAE {mean_with_digits(np.abs(error))}{suffix}",
        f"RMSE {rounded(np.sqrt(np.square(error).mean()), uncertainty)}{suffix}",
    ]
    if total > 0:
        r = np.corrcoef(x, y)[0, 1] if np.ptp(y) > 0 else np.nan
        lines.append(f"R {r:.4f}, R² {1.0 - np.square(error).sum() / total:.4f}")
    axes.text(
        0.03, 0.97, "\n".join(lines), transform=axes.transAxes, va="top", fontsize=9,
        linespacing=1.35,
    )  # fmt: skip
    return figure


def error_by_element(
    numbers: Sequence[ArrayLike],
    error: ArrayLike,
    *,
    unit: str = "",
    title: str = "",
    ax: Axes | None = None,
) -> Figure:
    """Draw, for each element, the mean absolute error of the crystals that contain it.

    Elements in fewer than 5 crystals are left out, unless there are no others.

    Parameters
    ----------
    numbers
        Atomic numbers of the atoms in each crystal.
    error : [n_crystals]
        Predicted minus known values.
    """
    size = np.abs(np.asarray(error, float))
    rows = element_errors(numbers, error)
    figure, axes = canvas(max(5.0, 0.155 * len(rows) + 1.2), 3.4, ax=ax)
    place = np.arange(len(rows))
    axes.bar(place, [row.mean for row in rows], color=COLORS[0], width=0.75)
    axes.axhline(size.mean(), color=COLORS[1], linewidth=1.2)
    axes.text(
        len(rows) - 0.4, size.mean(), "all crystals", ha="right", va="bottom", fontsize=9,
        color=COLORS[1],
    )  # fmt: skip
    axes.set_xticks(place, [SYMBOLS[row.number] for row in rows], fontsize=7.5)
    axes.tick_params(axis="x", length=0)
    axes.margins(x=0.01)
    axes.set(ylabel=with_unit("mean absolute error", unit), title=title)
    return figure


def error_by_size(
    n_atoms: ArrayLike,
    error: ArrayLike,
    *,
    unit: str = "",
    title: str = "",
    ax: Axes | None = None,
) -> Figure:
    """Draw the quartiles of the absolute error for classes of cell sizes.

    Parameters
    ----------
    n_atoms, error : [n_crystals]
        Number of atoms in the cell, and predicted minus known values.
    """
    absolute, classes = np.abs(np.asarray(error, float)), size_classes(n_atoms)
    figure, axes = canvas(5.2, 3.4, ax=ax)
    drawn = axes.boxplot(
        [absolute[members] for _, members in classes],
        showfliers=False, whis=(5, 95), patch_artist=True, widths=0.6,
        medianprops={"color": COLORS[1], "linewidth": 1.6},
    )  # fmt: skip
    for box in drawn["boxes"]:
        box.set(facecolor=COLORS[5], alpha=0.6, edgecolor=COLORS[0])
    axes.set_xticks(
        np.arange(1, len(classes) + 1),
        [f"{label}\n({len(members):,})" for label, members in classes],
        fontsize=8.5,
    )
    axes.set(xlabel="atoms in the cell (crystals)", title=title)
    axes.set(ylabel=with_unit("absolute error", unit), ylim=(0.0, None))
    return figure
