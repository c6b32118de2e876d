"""Properties along a path: a relaxation, a molecular dynamics run, a band of images."""

from __future__ import annotations

from itertools import cycle
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.ticker import MaxNLocator

from ase_orbital.errors import SettingError
from ase_orbital.plotting.canvas import COLORS, GUIDE, Picture, with_unit
from ase_orbital.properties import STD

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

MANY = 60  # rows; of more, points are not marked one by one


def along_path(
    rows: Sequence[Mapping[str, Any]],
    names: Sequence[str],
    *,
    units: Mapping[str, str],
    title: str = "",
) -> Figure:
    """Draw numbers against the step, or the time where it is known; one panel for each.

    Parameters
    ----------
    rows
        As in `Recorder.rows`. Labels in front of `step`, and `image`, tell paths apart,
        each of which becomes a line. Missing values leave gaps.
    names
        What to draw. `<name>_std` becomes a band around `<name>` if both are among them.
    units
        By name, for the axes.
    title
        Above all.

    Raises
    ------
    SettingError
        If a row has no `step`.
    """
    if any("step" not in row for row in rows):
        raise SettingError(
            "a path needs a step in each row; watch a run, or record(atoms, step=...)"
        )
    panels = [
        name
        for name in names
        if not (name.endswith(STD) and name.removesuffix(STD) in names)
    ]
    figure = Picture(figsize=(5.6, 0.8 + 1.55 * len(panels)), layout="constrained", dpi=160)
    FigureCanvasAgg(figure)
    every: NDArray[Any] = figure.subplots(len(panels), sharex=True, squeeze=False)[:, 0]
    paths = _paths(rows)
    x_name = "time" if all("time" in row for row in rows) else "step"
    for name, axes in zip(panels, every, strict=True):
        for path, color in zip(paths.values(), cycle(COLORS), strict=False):
            x = np.array([row[x_name] for row in path], float)
            opacity = 0.25 / len(paths) ** 0.5 if name + STD in names else 0.0
            _line(axes, x, path, name, color, opacity)
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(direction="in")
        axes.set_ylabel(_broken(with_unit(name, units.get(name, ""))))
        axes.yaxis.set_major_locator(MaxNLocator(4))
    figure.align_ylabels(list(every))
    every[-1].set_xlabel(with_unit(x_name, units.get(x_name, "")))
    if x_name == "step":
        every[-1].xaxis.set_major_locator(MaxNLocator(integer=True))
    if len(paths) > 1:
        lines = [line for line in every[0].lines if not line.get_label().startswith("_")]
        every[0].legend(
            lines,
            list(paths),
            frameon=False,
            fontsize=8,
            ncols=min(len(paths), 4),
            loc="lower center",
            bbox_to_anchor=(0.5, 1.0),
        )
    if title:
        figure.suptitle(title, fontsize=11)
    return figure


def _paths(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    """Rows of each path, under its name; one without labels has none."""
    paths: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        labels = list(row)[: list(row).index("step")]
        # A word speaks for itself; a number needs the name of what it counts.
        parts = [
            value if isinstance(value, str) else f"{label.replace('_', ' ')} {value}"
            for label, value in ((label, row[label]) for label in labels)
        ]
        if "image" in row:
            parts.append(f"image {row['image']}")
        paths.setdefault(", ".join(parts), []).append(row)
    return paths


def _line(
    axes: Axes,
    x: NDArray[Any],
    path: Sequence[Mapping[str, Any]],
    name: str,
    color: str,
    opacity: float,
) -> None:
    """Draw one path, its spread, and where a prediction is missing."""
    y = np.array([row.get(name, np.nan) for row in path], float)
    marker = "o" if len(x) <= MANY else ""
    axes.plot(x, y, color=color, linewidth=1.4, marker=marker, markersize=3.0, label=name)
    if opacity:
        std = np.array([row[name + STD] for row in path], float)
        axes.fill_between(x, y - std, y + std, color=color, alpha=opacity, lw=0.0)
    for place in x[[bool(row.get("reason")) and np.isnan(value)
                    for row, value in zip(path, y, strict=True)]]:  # fmt: skip
        axes.axvline(place, **{**GUIDE, "linewidth": 0.8})


def _broken(label: str) -> str:
    """Label in lines that fit beside a panel, with the unit in the last."""
    words, _, unit = label.partition(" (")
    lines = wrap(words, 16) + ([f"({unit}"] if unit else [])
    return label if len(label) <= 16 else "\n".join(lines)
