"""Curves and bars of errors and losses, for one or several models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ase_orbital.numerics.digits import mean_with_digits
from ase_orbital.plotting.canvas import COLORS, GUIDE, canvas, check_named, with_unit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike

STEPS = (1.0, 1.5, 2.0, 3.0, 4.0, 6.0)  # ticks within a decade


def compare_models(
    errors: Mapping[str, ArrayLike],
    *,
    unit: str = "",
    title: str = "",
    ax: Axes | None = None,
) -> Figure:
    """Draw the share of crystals that each model predicts within an error.

    Parameters
    ----------
    errors
        Predicted minus known values of one set, [n_crystals], by name of the model.
    """
    check_named(errors, "errors")
    figure, axes = canvas(5.2, 3.6, ax=ax)
    lines, largest = {}, 0.0
    for name, error in errors.items():
        size = np.sort(np.abs(np.asarray(error, float)))
        share = 100.0 * np.arange(1, len(size) + 1) / len(size)
        lines[f"{name}, MAE {mean_with_digits(size)}"] = (size, share)
        largest = max(largest, float(np.quantile(size, 0.97)))
    _lines(axes, lines, loc="lower right")
    axes.set(xlim=(0.0, largest), ylim=(0.0, 100.0), title=title)
    axes.set(xlabel=with_unit("absolute error", unit), ylabel="crystals within (%)")
    return figure


def learning_curve(
    sizes: Sequence[int],
    errors: Mapping[str, Sequence[float]],
    *,
    unit: str = "",
    title: str = "",
    ax: Axes | None = None,
) -> Figure:
    """Draw the error against the size of the training set, on logarithmic scales.

    Parameters
    ----------
    sizes
        Number of crystals in each training set.
    errors
        Mean absolute error for each size, by name of the model.
    """
    check_named(errors, "errors")
    figure, axes = canvas(5.0, 3.6, ax=ax)
    lines = {}
    for name, values in errors.items():
        slope = np.polyfit(np.log(sizes), np.log(values), 1)[0] if len(sizes) > 1 else 0.0
        lines[f"{name}, slope {slope:.2f}"] = (sizes, values)
    _lines(axes, lines, marker="o")
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
    return figure


def ablation(
    errors: Mapping[str, Mapping[str, float]],
    *,
    unit: str = "",
    title: str = "",
    ax: Axes | None = None,
) -> Figure:
    """Draw the error with each descriptor as bars, one color per network.

    This is figure 4 of the OCrystalNet paper for any network.

    Parameters
    ----------
    errors
        Mean absolute errors by name of the network, then by name of the descriptor; all
        networks have the same descriptors.
    """
    check_named(errors, "errors")
    figure, axes = canvas(6.4, 3.6, ax=ax)
    width = 0.8 / len(errors)
    for index, (network, own) in enumerate(errors.items()):
        place = np.arange(len(own)) + (index - 0.5 * (len(errors) - 1)) * width
        bars = axes.bar(
            place, list(own.values()), width, color=COLORS[index], label=network
        )
        axes.bar_label(bars, fmt="%.3g", fontsize=8, padding=2)
    axes.set_xticks(np.arange(len(own)), list(own), fontsize=9)
    axes.tick_params(axis="x", length=0)
    axes.set(ylabel=with_unit("mean absolute error", unit), title=title)
    axes.margins(y=0.12)
    axes.legend(frameon=False, fontsize=9)
    return figure


def training_history(
    losses: Mapping[str, Sequence[float]],
    *,
    title: str = "",
    ax: Axes | None = None,
    label: str = "loss",
) -> Figure:
    """Draw the loss of each epoch, by name of the set, on a logarithmic scale."""
    check_named(losses, "losses")
    figure, axes = canvas(5.2, 3.4, ax=ax)
    _lines(axes, {name: (range(1, len(y) + 1), y) for name, y in losses.items()})
    axes.set(xlabel="epoch", ylabel=label, yscale="log", title=title)
    return figure


def roc_curves(
    curves: Mapping[str, tuple[ArrayLike, ArrayLike]],
    *,
    title: str = "",
    ax: Axes | None = None,
) -> Figure:
    """Draw the receiver operating characteristic of classifiers, with the area below it.

    Parameters
    ----------
    curves
        False and true positive rates, as from `training.metrics.roc`, by name of the model.
    """
    check_named(curves, "curves")
    figure, axes = canvas(ax=ax)
    lines = {}
    for name, (false, true) in curves.items():
        area = np.trapezoid(np.asarray(true), np.asarray(false))
        lines[f"{name}, area {area:.4f}"] = (false, true)
    axes.plot((0, 1), (0, 1), **GUIDE)
    _lines(axes, lines, loc="lower right", clip_on=False)
    axes.set(xlim=(0, 1), ylim=(0, 1), aspect="equal", title=title)
    axes.set(xlabel="false positive rate", ylabel="true positive rate")
    return figure


def _lines(
    axes: Axes, lines: Mapping[str, tuple[Any, Any]], *, loc: Any = "best", **style: Any
) -> None:
    """Draw x and y of each line, and a legend with their labels."""
    for index, (label, (x, y)) in enumerate(lines.items()):
        color = COLORS[index % len(COLORS)]
        axes.plot(x, y, color=color, linewidth=1.7, label=label, **style)
    axes.legend(loc=loc, frameon=False, fontsize=9)
