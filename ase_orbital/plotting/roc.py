"""Receiver operating characteristic curves of classifiers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ase_orbital.plotting.canvas import COLORS, GUIDE, canvas

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike


def roc_curves(
    curves: Mapping[str, tuple[ArrayLike, ArrayLike]], *, title: str = ""
) -> Figure:
    """Draw true against false positive rates, with the area under each curve.

    Parameters
    ----------
    curves
        False and true positive rates, as from `training.metrics.roc`, by name of the model.
    title
        Title of the axes.
    """
    figure, axes = canvas()
    for (name, (false, true)), color in zip(curves.items(), COLORS, strict=False):
        area = np.trapezoid(np.asarray(true), np.asarray(false))
        label = f"{name}, area {area:.4f}"
        axes.plot(false, true, color=color, linewidth=1.8, label=label, clip_on=False)
    axes.plot((0, 1), (0, 1), **GUIDE)
    axes.set(xlim=(0, 1), ylim=(0, 1), aspect="equal", title=title)
    axes.set_xlabel("false positive rate")
    axes.set_ylabel("true positive rate")
    axes.legend(loc="lower right", frameon=False, fontsize=9)
    return figure
