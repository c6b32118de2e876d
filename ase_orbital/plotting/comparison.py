"""Comparison of models, and of training sets of different sizes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ase_orbital.plotting.canvas import COLORS, canvas, with_unit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike

STEPS = (1.0, 1.5, 2.0, 3.0, 4.0, 6.0)  # ticks within a decade


def compare_models(
    errors: Mapping[str, ArrayLike], *, unit: str = "", title: str = ""
) -> Figure:
    """Draw the share of crystals that each model predicts within an error.

    Parameters
    ----------
    errors
        Predicted minus known values of one set, [n_crystals], by name of the model.
    unit, title
        Labels.
    """
    figure, axes = canvas(5.2, 3.6)
    largest = 0.0
    for (name, error), color in zip(errors.items(), COLORS, strict=False):
        size = np.sort(np.abs(np.asarray(error, float)))
        share = np.arange(1, len(size) + 1) / len(size)
        label = f"{name}, MAE {size.mean():.4f}"
        axes.plot(size, 100.0 * share, color=color, linewidth=1.8, label=label)
        largest = max(largest, float(np.quantile(size, 0.97)))
    axes.set(xlim=(0.0, largest), ylim=(0.0, 100.0), title=title)
    axes.set_xlabel(with_unit("absolute error", unit))
    axes.set_ylabel("crystals within (%)")
    axes.legend(loc="lower right", frameon=False, fontsize=9)
    return figure


def learning_curve(
    sizes: Sequence[int],
    errors: Mapping[str, Sequence[float]],
    *,
    unit: str = "",
    title: str = "",
) -> Figure:
    """Draw the error against the size of the training set, on logarithmic scales.

    Parameters
    ----------
    sizes
        Number of crystals in each training set.
    errors
        Mean absolute error for each size, by name of the model.
    unit, title
        Labels.
    """
    figure, axes = canvas(5.0, 3.6)
    for (name, values), color in zip(errors.items(), COLORS, strict=False):
        slope = np.polyfit(np.log(sizes), np.log(values), 1)[0] if len(sizes) > 1 else 0.0
        label = f"{name}, slope {slope:.2f}"
        axes.plot(sizes, values, "o-", color=color, linewidth=1.6, label=label)
    axes.set(xscale="log", yscale="log", xlabel="crystals trained on", title=title)
    axes.set_ylabel(with_unit("mean absolute error", unit))
    axes.set_xticks(list(sizes), [f"{size:,}" for size in sizes])
    axes.minorticks_off()
    lowest = min(min(values) for values in errors.values())
    highest = max(max(values) for values in errors.values())
    decades = 10.0 ** np.arange(np.floor(np.log10(lowest)), np.log10(highest) + 1.0)
    ticks = np.outer(decades, STEPS if highest < 10.0 * lowest else STEPS[:1]).ravel()
    ticks = ticks[(ticks > 0.9 * lowest) & (ticks < 1.1 * highest)]
    axes.set_yticks(ticks, [f"{tick:.3g}" for tick in ticks])
    axes.legend(frameon=False, fontsize=9)
    return figure
