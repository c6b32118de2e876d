"""Pareto fronts of structures with several objectives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ase_orbital.errors import SettingError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


def pareto_front(objectives: ArrayLike) -> NDArray[np.intp]:
    """Find the points that no other point is better than.

    A point is left out if another one is at least as good in all objectives and better in
    one. Equal points are kept together.

    Parameters
    ----------
    objectives : [n_points, n_objectives]
        Of each of them less is better, such as the distance from a wanted band gap, and
        the energy above the hull.

    Returns
    -------
    [n_front]
        Indices of the points, in ascending order of the first objective.

    Raises
    ------
    SettingError
        If the objectives have another shape, or one is not a finite number.

    Examples
    --------
    >>> pareto_front([(0.1, 0.3), (0.2, 0.1), (0.3, 0.2)])
    array([0, 1])
    """
    try:
        values = np.asarray(objectives, float)
    except (TypeError, ValueError) as error:
        raise SettingError(
            f"objectives need one row of finite numbers for each structure: {error}"
        ) from error
    if values.ndim != 2 or not np.isfinite(values).all():
        raise SettingError(
            "objectives need one row of finite numbers for each structure; leave out those "
            f"that have none (the shape is {values.shape})"
        )
    front = [
        index
        for index, value in enumerate(values)
        if not ((values <= value).all(1) & (values < value).any(1)).any()
    ]
    return np.array(sorted(front, key=lambda index: tuple(values[index])), np.intp)
