"""Losses during training."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ase_orbital.plotting.canvas import COLORS, canvas

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.figure import Figure


def training_history(
    losses: Mapping[str, Sequence[float]], *, title: str = "", label: str = "loss"
) -> Figure:
    """Draw the loss of each epoch on a logarithmic scale.

    Parameters
    ----------
    losses
        One value per epoch, by name of the set.
    title, label
        Title of the axes, and label of the vertical axis.
    """
    figure, axes = canvas(5.2, 3.4)
    for (name, values), color in zip(losses.items(), COLORS, strict=False):
        epochs = range(1, len(values) + 1)
        axes.plot(epochs, values, color=color, linewidth=1.6, label=name)
    axes.set(xlabel="epoch", ylabel=label, yscale="log", title=title)
    axes.legend(frameon=False, fontsize=9)
    return figure
