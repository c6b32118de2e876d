"""Statistics that figures and reports show: errors by element and by size, densities."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy.ndimage import gaussian_filter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

MIN_CRYSTALS = 5  # a mean over fewer crystals says little
N_SIZES = 8  # classes of cell sizes
N_BINS = 80  # of the grid for the density of points


class ElementError(NamedTuple):
    """Mean absolute error of the crystals that contain an element, and their number."""

    mean: float
    number: int  # atomic number
    n_crystals: int


def element_errors(numbers: Sequence[ArrayLike], error: ArrayLike) -> list[ElementError]:
    """Return the errors by element, from the largest.

    Elements in fewer than 5 crystals are left out, unless there are no others.

    Parameters
    ----------
    numbers
        Atomic numbers of the atoms in each crystal.
    error : [n_crystals]
        Predicted minus known values.
    """
    found: dict[int, list[float]] = {}
    for atoms, value in zip(numbers, np.abs(np.asarray(error, float)), strict=True):
        for number in np.unique(np.asarray(atoms)):
            found.setdefault(int(number), []).append(value)
    fewest = min(MIN_CRYSTALS, max(map(len, found.values())))
    return sorted(
        (
            ElementError(float(np.mean(values)), number, len(values))
            for number, values in found.items()
            if len(values) >= fewest
        ),
        reverse=True,
    )


def size_classes(sizes: ArrayLike) -> list[tuple[str, NDArray[np.intp]]]:
    """Return label, such as "4–8", and members of up to 8 classes of cell sizes.

    Parameters
    ----------
    sizes : [n_crystals]
        Number of atoms in the cell.
    """
    sizes = np.asarray(sizes)
    edges = np.unique(np.quantile(sizes, np.linspace(0.0, 1.0, N_SIZES + 1)).astype(int))
    if len(edges) == 1:
        edges = np.append(edges, edges[0] + 1)
    edges[-1] += 1  # the last class includes the largest cell
    classes = []
    for low, high in pairwise(edges):
        members = np.flatnonzero((sizes >= low) & (sizes < high))
        if len(members):
            low, top = int(sizes[members].min()), int(sizes[members].max())
            classes.append((str(low) if low == top else f"{low}–{top}", members))
    return classes


def point_density(
    x: NDArray[Any], y: NDArray[Any], limits: tuple[float, float]
) -> NDArray[np.float64]:
    """Return the logarithm of the number of points near each point, [n]."""
    counts, edges, _ = np.histogram2d(x, y, bins=N_BINS, range=(limits, limits))
    smooth = gaussian_filter(counts, 1.0)
    column = np.clip(np.digitize(x, edges) - 1, 0, N_BINS - 1)
    row = np.clip(np.digitize(y, edges) - 1, 0, N_BINS - 1)
    return np.asarray(np.log10(smooth[column, row] + 0.1))
