"""Neighbors of an atom in a graph, and their weights."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from ase_orbital.elements import SYMBOLS
from ase_orbital.errors import SettingError
from ase_orbital.graphs.converters import as_crystal_graph
from ase_orbital.plotting.canvas import COLORS, NotebookFigure, check_named, open_frame

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ase_orbital.graphs.crystal_graph import CrystalGraph

OFFSET = 0.02  # between species of one shell, as a fraction of the range of distances
DECIMALS = 3  # distances (Å) and weights that agree to these belong to one shell


def neighbor_weights(
    graphs: Mapping[str, Any], atom: int = 0, *, title: str = ""
) -> Figure:
    """Draw the weights of an atom's neighbors against their distances.

    Neighbors of equal species, distance and weight share a point, with their number.

    Parameters
    ----------
    graphs
        CrystalGraph, DGLGraph or PyG Data, by the title of its panel.
    atom
        Index of the atom whose neighbors are drawn.

    Raises
    ------
    SettingError
        If a graph has no such atom.
    """
    check_named(graphs, "graphs")
    crystals = {name: as_crystal_graph(graph) for name, graph in graphs.items()}
    if not crystals:
        raise SettingError("there is no graph to draw")
    shells = {name: _shells(graph, atom, name) for name, graph in crystals.items()}
    species = sorted({number for shell in shells.values() for number, *_ in shell})
    colors = {number: COLORS[index % len(COLORS)] for index, number in enumerate(species)}
    farthest = max((d for shell in shells.values() for _, d, _ in shell), default=1.0)
    nearest = min((d for shell in shells.values() for _, d, _ in shell), default=0.0)
    margin = 0.12 * (farthest - nearest) or 0.5
    figure = NotebookFigure(5.6, 0.7 + 1.45 * len(crystals), title)
    panels = figure.subplots(len(crystals), sharex=True, sharey=True, squeeze=False)[:, 0]
    for axes, (name, shell) in zip(panels, shells.items(), strict=True):
        _draw(axes, shell, colors, OFFSET * (farthest - nearest + 2.0 * margin))
        axes.set_title(name, fontsize=10, loc="left")
        open_frame(axes)
    panels[0].set(xlim=(nearest - margin, farthest + margin), ylim=(0.0, None))
    for number in species:
        panels[0].plot([], [], "o", color=colors[number], label=SYMBOLS[number])
    if species:
        figure.legend(
            loc="outside right upper", frameon=False, fontsize=9, handletextpad=0.1
        )
    panels[-1].set_xlabel("distance (Å)")
    figure.supylabel("weight of the edge", fontsize=10)
    return figure


def _shells(graph: CrystalGraph, atom: int, name: str) -> Counter[tuple[int, float, float]]:
    """Count the edges to an atom by species, distance and weight."""
    if not 0 <= atom < len(graph.numbers):
        raise SettingError(
            f"the graph {name!r} has {len(graph.numbers)} atoms and no atom {atom}"
        )
    edges = graph.target == atom
    numbers = graph.numbers[graph.source[edges]].tolist()
    distances = graph.distance[edges].double().tolist()
    weights = graph.weight[edges].double().tolist()
    return Counter(
        (number, round(distance, DECIMALS), round(weight, DECIMALS))
        for number, distance, weight in zip(numbers, distances, weights, strict=True)
    )


def _draw(
    axes: Axes,
    shell: Counter[tuple[int, float, float]],
    colors: Mapping[int, str],
    step: float,
) -> None:
    """Draw points on stems; species at one distance are drawn side by side."""
    for (number, distance, weight), count in sorted(shell.items()):
        beside = sorted({other for other, d, _ in shell if d == distance})
        x = distance + step * (beside.index(number) - 0.5 * (len(beside) - 1))
        axes.plot([x, x], [0.0, weight], color=colors[number], linewidth=1.2, alpha=0.6)
        axes.plot(x, weight, "o", color=colors[number], markersize=5.0)
        if count > 1:
            left = len(beside) > 1 and number == beside[0]
            axes.annotate(
                f"{count} {SYMBOLS[number]}", (x, weight), (-7 if left else 7, 0),
                textcoords="offset points", fontsize=9, color=colors[number],
                ha="right" if left else "left", va="center",
            )  # fmt: skip
