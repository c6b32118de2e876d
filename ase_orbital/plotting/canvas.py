"""One look for all pictures: sizes, colors that all eyes can tell apart, labels."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe & Ito, "Color universal design" (2008), dark ones first.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
DENSITY = "viridis"
GUIDE: dict[str, Any] = {"color": "0.45", "linewidth": 1.0, "linestyle": (0, (4, 3))}


class Picture(Figure):
    """A figure that notebooks show, without pyplot and its global state."""

    def _repr_png_(self) -> bytes:
        content = BytesIO()
        self.savefig(content, format="png")
        return content.getvalue()


def canvas(width: float = 4.4, height: float = 4.0) -> tuple[Picture, Axes]:
    """Make a figure with one pair of axes; inches."""
    figure = Picture(figsize=(width, height), layout="constrained", dpi=160)
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(direction="in")
    return figure, axes


def with_unit(label: str, unit: str) -> str:
    """Axis label; the unit follows in parentheses if there is one."""
    words = label.replace("_", " ")
    return f"{words} ({unit})" if unit and unit != "1" else words


def note(axes: Axes, lines: list[str], *, right: bool, low: bool) -> None:
    """Write a few lines into a corner of the axes."""
    axes.text(
        0.97 if right else 0.03,
        0.03 if low else 0.97,
        "\n".join(lines),
        transform=axes.transAxes,
        ha="right" if right else "left",
        va="bottom" if low else "top",
        fontsize=9,
        linespacing=1.35,
    )
