"""The common style of all figures: sizes, colors and axis labels."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ase_orbital.errors import SettingError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Distinguishable with every kind of color vision; the dark ones come first.
# Okabe & Ito, "Color universal design" (2008).
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
DENSITY = "viridis"
GUIDE: dict[str, Any] = {"color": "0.45", "linewidth": 1.0, "linestyle": (0, (4, 3))}


class NotebookFigure(Figure):
    """A figure, of a size in inches, that notebooks display without pyplot."""

    def __init__(self, width: float, height: float, title: str = "") -> None:
        super().__init__(figsize=(width, height), layout="constrained", dpi=160)
        FigureCanvasAgg(self)
        if title:
            self.suptitle(title, fontsize=11)

    def _repr_png_(self) -> bytes:
        content = BytesIO()
        self.savefig(content, format="png")
        return content.getvalue()


def canvas(
    width: float = 4.4, height: float = 4.0, ax: Axes | None = None
) -> tuple[Figure, Axes]:
    """Return a figure of a size in inches and its axes, or the given axes."""
    figure: Any = NotebookFigure(width, height) if ax is None else ax.get_figure()
    axes = figure.subplots() if ax is None else ax
    open_frame(axes)
    return figure, axes


def check_named(given: Any, values: str) -> None:
    """Raise SettingError if values are not given by name, in a dictionary."""
    if not hasattr(given, "items"):  # which dictionaries and tables of pandas have
        raise SettingError(
            f"give a dictionary of {values} by name, such as {{'name': ...}}, and not "
            f"{'an' if type(given).__name__[0] in 'Aa' else 'a'} {type(given).__name__}"
        )


def open_frame(axes: Axes) -> None:
    """Remove the upper and right lines of the frame, and draw ticks inside."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(direction="in")


def divide(axes: Axes, index: int, width: float) -> None:
    """Draw white lines across a heat map before the row and the column of this index."""
    axes.axhline(index - 0.5, color="white", linewidth=width)
    axes.axvline(index - 0.5, color="white", linewidth=width)


def with_unit(label: str, unit: str) -> str:
    """Return an axis label, followed by the unit in parentheses if there is one."""
    words = label.replace("_", " ")
    return f"{words} ({unit})" if unit and unit != "1" else words
