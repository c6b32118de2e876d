"""Orbital field matrices, overlap matrices and eigenvalue spectra of atoms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ase_orbital.elements import ORBITALS, SYMBOLS
from ase_orbital.errors import SettingError
from ase_orbital.plotting.canvas import (
    COLORS,
    DENSITY,
    NotebookFigure,
    canvas,
    check_named,
    divide,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike, NDArray

    from ase_orbital.overlap.matrices import OverlapMatrix

ZERO = "0.94"  # color of elements that are zero
MARKERS = "osD^vPX"
# Indices at which the s, p, d and f orbitals begin.
SUBSHELLS = [index for index, name in enumerate(ORBITALS) if name[1:] == "1"]


def orbital_fields(
    fields: Mapping[str, ArrayLike],
    *,
    every_orbital: bool = False,
    unit: str = "1/Å",
    title: str = "",
) -> Figure:
    """Draw orbital field matrices as heat maps side by side, on one color scale.

    Parameters
    ----------
    fields
        Matrices from `OFM.matrices`, [32, 32], by the title of their panel. Differences of
        matrices are drawn on a scale that is centered at zero.
    every_orbital
        Draw all 32 orbitals, as in the papers. Otherwise only the orbitals that occur in
        one of the matrices are drawn, with the values written into the cells.
    unit
        Unit of the values: 1/Å if `distance_exponent` is 1.

    Raises
    ------
    SettingError
        If a matrix has another shape.
    """
    check_named(fields, "matrices from OFM().matrices(atoms)")
    matrices = {name: np.asarray(field, float) for name, field in fields.items()}
    if not matrices:
        raise SettingError("there is no matrix to draw")
    expected = [len(ORBITALS)] * 2
    for name, matrix in matrices.items():
        if list(matrix.shape) != expected:
            raise SettingError(
                f"the matrix of {name!r} has shape {list(matrix.shape)}, not {expected}; "
                "take one from OFM().matrices(atoms)"
            )
    stack = np.array(list(matrices.values()))
    every_orbital = every_orbital or not stack.any()
    rows = columns = np.arange(len(ORBITALS))
    if not every_orbital:
        rows, columns = (np.flatnonzero(stack.any(axis=away)) for away in ((0, 2), (0, 1)))
    cell = 0.125 if every_orbital else 0.62  # inches
    width, height = cell * max(len(columns), 2), cell * max(len(rows), 2)
    figure = NotebookFigure(
        len(matrices) * (width + 0.55) + 1.1, height + 1.1 + 0.3 * bool(title), title
    )
    panels: NDArray[Any] = figure.subplots(ncols=len(matrices), squeeze=False)[0]
    largest = np.abs(stack).max() or 1.0
    signed = bool((stack < 0.0).any())
    scale = {
        "cmap": "PuOr_r" if signed else DENSITY,
        "vmin": -largest if signed else 0.0,
        "vmax": largest,
    }
    for axes, (name, matrix) in zip(panels, matrices.items(), strict=True):
        part = matrix[np.ix_(rows, columns)]
        image = axes.imshow(np.ma.masked_equal(part, 0.0), **scale)
        axes.set_facecolor(ZERO)
        axes.set_title(name, fontsize=10)
        # Orbitals with electrons as exponents.
        for axis, indices in ((axes.yaxis, rows), (axes.xaxis, columns)):
            names = [f"{ORBITALS[i][0]}$^{{{ORBITALS[i][1:]}}}$" for i in indices]
            size = 6.5 if every_orbital else 10.0
            axis.set_ticks(np.arange(len(names)), names, fontsize=size)
            axis.set_tick_params(length=0.0, pad=2.0)
        if every_orbital:
            for index in range(1, len(ORBITALS)):
                divide(axes, index, 1.6 if index in SUBSHELLS else 0.3)
        else:
            _write_numbers(axes, part, image)
        axes.set_xlabel("orbitals of the neighbors")
    panels[0].set_ylabel("orbitals of the center")
    figure.colorbar(image, ax=list(panels), label=unit, aspect=18, pad=0.02)
    return figure


def _write_numbers(axes: Axes, values: NDArray[np.float64], image: Any) -> None:
    """Write values that are not zero into their cells, legible on every color."""
    for (row, column), value in np.ndenumerate(values):
        if value:
            red, green, blue, _ = image.cmap(image.norm(value))
            dark = 0.299 * red + 0.587 * green + 0.114 * blue < 0.55
            axes.text(
                column, row, f"{value:.2f}", ha="center", va="center", fontsize=9,
                color="white" if dark else "black",
            )  # fmt: skip


def overlap_matrix(
    matrix: OverlapMatrix,
    *,
    n_atoms: int = 16,
    title: str = "",
    ax: Axes | None = None,
) -> Figure:
    """Draw the overlap matrix of an atom and its nearest neighbors as a heat map.

    Parameters
    ----------
    matrix
        From `GOM.matrix`.
    n_atoms
        Number of atoms to draw, from the center outwards.

    Raises
    ------
    SettingError
        If there is no atom to draw.
    """
    n = min(n_atoms, len(matrix.numbers))
    if n < 1:
        raise SettingError(f"n_atoms must be a number from 1 on, not {n_atoms!r}")
    per_atom = len(matrix.values) // len(matrix.numbers)
    figure, axes = canvas(0.27 * n + 2.0, 0.27 * n + 1.1, ax=ax)
    axes.spines[:].set_visible(False)
    part = matrix.values[: n * per_atom, : n * per_atom]
    signed = bool((part < 0.0).any())
    scale = {"cmap": "PuOr_r", "vmin": -1.0} if signed else {"cmap": DENSITY, "vmin": 0.0}
    image = axes.imshow(part, vmax=1.0, **scale)  # type: ignore[arg-type]
    if per_atom > 1:
        for index in range(1, n):
            divide(axes, index * per_atom, 0.6)
    names = [SYMBOLS[number] for number in matrix.numbers[:n]]
    near = [f"{d:.2f}  {name}" for d, name in zip(matrix.distances, names, strict=False)]
    place = (np.arange(n) + 0.5) * per_atom - 0.5
    axes.set_xticks(place, names, fontsize=8.5)
    axes.set_yticks(place, near, fontsize=8.5)
    axes.tick_params(length=0.0)
    axes.set(ylabel="distance from the center (Å), element", title=title)
    figure.colorbar(image, ax=axes, label="damped overlap", aspect=25, pad=0.02)
    return figure


def spectra(
    features: Mapping[str, ArrayLike],
    *,
    n_largest: int | None = None,
    title: str = "",
    ax: Axes | None = None,
) -> Figure:
    """Draw the eigenvalues of overlap matrices in descending order, one line per atom.

    Parameters
    ----------
    features
        Features of an atom from `GOM.create`, [n_features], by name of the atom.
    n_largest
        Number of eigenvalues to draw; None for all.
    """
    check_named(features, "features from GOM().create(atoms)")
    figure, axes = canvas(5.6, 3.4, ax=ax)
    for index, (name, own) in enumerate(features.items()):
        values = np.asarray(own, float)[:n_largest]
        axes.plot(
            np.arange(1, len(values) + 1), values, label=name, linewidth=1.0,
            color=COLORS[index % len(COLORS)], marker=MARKERS[index % len(MARKERS)],
            markersize=3.5,
        )  # fmt: skip
    axes.set(xlabel="eigenvalue, from the largest", ylabel="overlap", title=title)
    axes.set_ylim(bottom=0.0)
    axes.margins(x=0.02)
    axes.legend(frameon=False, fontsize=9)
    return figure
