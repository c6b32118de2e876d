"""Errors by element and by number of atoms in the cell."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from ase_orbital.elements import SYMBOLS
from ase_orbital.plotting.canvas import COLORS, canvas, with_unit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike, NDArray

MIN_CRYSTALS = 5  # a mean over fewer crystals says little
N_SIZES = 8  # classes of cell sizes


def error_by_element(
    numbers: Sequence[ArrayLike], error: ArrayLike, *, unit: str = "", title: str = ""
) -> Figure:
    """Draw, for each element, the mean absolute error of the crystals that contain it.

    Elements in fewer than 5 crystals are left out, unless there are no others.

    Parameters
    ----------
    numbers
        Atomic numbers of the atoms in each crystal.
    error : [n_crystals]
        Predicted minus known values.
    unit, title
        Labels.
    """
    size = np.abs(np.asarray(error, float))
    found: dict[int, list[float]] = {}
    for atoms, value in zip(numbers, size, strict=True):
        for number in np.unique(np.asarray(atoms)):
            found.setdefault(int(number), []).append(value)
    fewest = min(MIN_CRYSTALS, max(map(len, found.values())))
    rows = sorted(
        ((np.mean(values), number) for number, values in found.items()
         if len(values) >= fewest),
        reverse=True,
    )  # fmt: skip
    figure, axes = canvas(max(5.0, 0.155 * len(rows) + 1.2), 3.4)
    place = np.arange(len(rows))
    axes.bar(place, [row[0] for row in rows], color=COLORS[0], width=0.75)
    axes.axhline(size.mean(), color=COLORS[1], linewidth=1.2)
    axes.text(
        len(rows) - 0.4, size.mean(), "all crystals", ha="right", va="bottom", fontsize=9,
        color=COLORS[1],
    )  # fmt: skip
    axes.set_xticks(place, [SYMBOLS[row[1]] for row in rows], fontsize=7.5)
    axes.tick_params(axis="x", length=0)
    axes.margins(x=0.01)
    axes.set(ylabel=with_unit("mean absolute error", unit), title=title)
    return figure


def error_by_size(
    n_atoms: ArrayLike, error: ArrayLike, *, unit: str = "", title: str = ""
) -> Figure:
    """Draw the quartiles of the absolute error for classes of cell sizes.

    Parameters
    ----------
    n_atoms, error : [n_crystals]
        Number of atoms in the cell, and predicted minus known values.
    unit, title
        Labels.
    """
    sizes, absolute = np.asarray(n_atoms), np.abs(np.asarray(error, float))
    edges = np.unique(np.quantile(sizes, np.linspace(0.0, 1.0, N_SIZES + 1)).astype(int))
    classes = _classes(sizes, edges)
    figure, axes = canvas(5.2, 3.4)
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
    axes.set_xlabel("atoms in the cell (crystals)")
    axes.set_ylabel(with_unit("absolute error", unit))
    axes.set_title(title)
    axes.set_ylim(bottom=0)
    return figure


def _classes(sizes: NDArray[Any], edges: NDArray[Any]) -> list[tuple[str, NDArray[Any]]]:
    """Return label and members of each class of sizes that is not empty."""
    if len(edges) == 1:
        edges = np.append(edges, edges[0] + 1)
    classes = []
    for index, (low, high) in enumerate(pairwise(edges)):
        last = index == len(edges) - 2
        top = high if last else high - 1
        members = np.flatnonzero((sizes >= low) & (sizes <= top))
        if len(members):
            low, top = int(sizes[members].min()), int(sizes[members].max())
            classes.append((str(low) if low == top else f"{low}–{top}", members))
    return classes
