"""Parity plot of predicted against known values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.ndimage import gaussian_filter

from ase_orbital.plotting.canvas import COLORS, DENSITY, GUIDE, canvas, note, with_unit

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike, NDArray

N_BINS = 80  # of the grid for the density of points
MARGIN = 0.03  # on both sides, as a fraction of the range


def parity(
    known: ArrayLike,
    predicted: ArrayLike,
    *,
    label: str = "",
    unit: str = "",
    in_domain: ArrayLike | None = None,
    title: str = "",
) -> Figure:
    """Draw predicted against known values, colored by the density of points.

    Parameters
    ----------
    known, predicted : [n_crystals]
        Values in one unit.
    label, unit
        Name and unit of the values.
    in_domain : [n_crystals], optional
        Crystals for which this is false are marked with a ring.
    title
        Title of the axes.
    """
    x, y = np.asarray(known, float), np.asarray(predicted, float)
    inside = np.ones(len(x), bool) if in_domain is None else np.asarray(in_domain, bool)
    figure, axes = canvas(4.7, 4.0)
    low, high = min(x.min(), y.min()), max(x.max(), y.max())
    margin = MARGIN * (high - low) or 1.0
    limits = (low - margin, high + margin)
    density = _density(x, y, limits)
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
    suffix = f" {unit}" if unit and unit != "1" else ""
    lines = [
        f"{len(x):,} crystals",
        f"MAE {np.abs(error).mean():.4f}{suffix}",
        f"RMSE {np.sqrt(np.square(error).mean()):.4f}{suffix}",
    ]
    if total > 0:
        lines.append(f"R² {1.0 - np.square(error).sum() / total:.4f}")
    note(axes, lines, right=False, low=False)
    return figure


def _density(x: NDArray[Any], y: NDArray[Any], limits: tuple[float, float]) -> NDArray[Any]:
    """Return the logarithm of the number of points near each point."""
    counts, edges, _ = np.histogram2d(x, y, bins=N_BINS, range=(limits, limits))
    smooth = gaussian_filter(counts, 1.0)
    column = np.clip(np.digitize(x, edges) - 1, 0, N_BINS - 1)
    row = np.clip(np.digitize(y, edges) - 1, 0, N_BINS - 1)
    return np.asarray(np.log10(smooth[column, row] + 0.1))
