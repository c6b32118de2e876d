"""Properties along a path, such as a relaxation, a dynamics run or a band of images."""

from __future__ import annotations

from itertools import cycle
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.ticker import MaxNLocator

from ase_orbital.errors import SettingError
from ase_orbital.plotting.canvas import COLORS, GUIDE, NotebookFigure, open_frame, with_unit
from ase_orbital.properties import IN_DOMAIN, STD

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

MAX_MARKERS = 60  # longer paths are drawn as a line without markers


def along_path(
    records: Sequence[Mapping[str, Any]],
    names: Sequence[str],
    *,
    units: Mapping[str, str],
    title: str = "",
) -> Figure:
    """Draw properties against the time where it is known, else the step; one panel each.

    Parameters
    ----------
    records
        Records as in `Recorder.records`. Labels before `step`, and `image`, identify the
        path that a record belongs to; each path is drawn as a line. Missing values leave
        gaps.
    names, units
        Properties to draw, and unit by name. `<name>_std` becomes a band around `<name>` if
        both are given.

    Raises
    ------
    SettingError
        If a record has no `step`.
    """
    if any("step" not in record for record in records):
        raise SettingError(
            "a path needs a step in each record; watch a run, or record(atoms, step=...)"
        )
    bands = {name + STD for name in names}
    panels = [name for name in names if name not in bands]
    figure = NotebookFigure(5.6, 0.8 + 1.55 * len(panels), title)
    every: NDArray[Any] = figure.subplots(len(panels), sharex=True, squeeze=False)[:, 0]
    paths = _paths(records)
    x_name = "time" if all("time" in record for record in records) else "step"
    for name, axes in zip(panels, every, strict=True):
        for path, color in zip(paths.values(), cycle(COLORS), strict=False):
            x = np.array([record[x_name] for record in path], float)
            opacity = 0.25 / len(paths) ** 0.5 if name + STD in names else 0.0
            _line(axes, x, path, name, color, opacity)
        open_frame(axes)
        axes.set_ylabel(_wrapped(with_unit(name, units.get(name, ""))))
        axes.yaxis.set_major_locator(MaxNLocator(4))
        if name == IN_DOMAIN or name.endswith("_probability"):
            axes.set_ylim(-0.05, 1.05)
    figure.align_ylabels(list(every))
    every[-1].set_xlabel(with_unit(x_name, units.get(x_name, "")))
    if x_name == "step":
        every[-1].xaxis.set_major_locator(MaxNLocator(integer=True))
    if len(paths) > 1:
        lines = [line for line in every[0].lines if not line.get_label().startswith("_")]
        every[0].legend(
            lines, list(paths), frameon=False, fontsize=8, ncols=min(len(paths), 4),
            loc="lower center", bbox_to_anchor=(0.5, 1.0),
        )  # fmt: skip
    return figure


def _paths(records: Sequence[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    """Sort records by the name of their path, which is empty without labels."""
    paths: dict[str, list[Mapping[str, Any]]] = {}
    for record in records:
        labels = list(record)[: list(record).index("step")]
        # A word speaks for itself; a number needs the name of what it counts.
        named = ((label.replace("_", " "), record[label]) for label in labels)
        parts = [v if isinstance(v, str) else f"{label} {v}" for label, v in named]
        if "image" in record:
            parts.append(f"image {record['image']}")
        paths.setdefault(", ".join(parts), []).append(record)
    return paths


def _line(
    axes: Axes,
    x: NDArray[Any],
    path: Sequence[Mapping[str, Any]],
    name: str,
    color: str,
    opacity: float,
) -> None:
    """Draw one path, its standard deviation, and the places of missing predictions."""
    y = np.array([record.get(name, np.nan) for record in path], float)
    marker = "o" if len(x) <= MAX_MARKERS else ""
    axes.plot(x, y, color=color, linewidth=1.4, marker=marker, markersize=3.0, label=name)
    if opacity:
        std = np.array([record[name + STD] for record in path], float)
        axes.fill_between(x, y - std, y + std, color=color, alpha=opacity, lw=0.0)
    rejected = np.array([bool(record.get("reason")) for record in path], bool)
    for place in x[rejected & np.isnan(y)]:
        axes.axvline(place, **{**GUIDE, "linewidth": 0.8})


def _wrapped(label: str) -> str:
    """Break a label into lines that fit beside a panel, with the unit in the last one."""
    words, _, unit = label.partition(" (")
    lines = wrap(words, 16) + ([f"({unit}"] if unit else [])
    return label if len(label) <= 16 else "\n".join(lines)
