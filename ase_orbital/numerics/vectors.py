"""Products of three-dimensional vectors, as parts of compiled kernels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ase_orbital.numerics.jit import inner

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


@inner
def dot(a: Floats, b: Floats) -> float:
    """Return the scalar product of two vectors."""
    return float(a[0] * b[0] + a[1] * b[1] + a[2] * b[2])


@inner
def cross(a: Floats, b: Floats, result: Floats) -> None:
    """Write the vector product of two vectors into a third array."""
    result[0] = a[1] * b[2] - a[2] * b[1]
    result[1] = a[2] * b[0] - a[0] * b[2]
    result[2] = a[0] * b[1] - a[1] * b[0]


@inner
def inverted(vectors: Floats, reciprocal: Floats) -> float:
    """Write the reciprocal vectors, without 2 pi, into the rows of an array.

    Parameters
    ----------
    vectors : [3, 3]
        Rows are lattice vectors, Å.
    reciprocal : [3, 3]
        Overwritten; fractional coordinates are `reciprocal @ position`. 1/Å.

    Returns
    -------
    The volume of the cell in Å^3, negative for a left-handed cell. If it is zero, the rows
    are not divided by it.
    """
    for a in range(3):
        cross(vectors[a - 2], vectors[a - 1], reciprocal[a])
    volume = dot(reciprocal[0], vectors[0])
    if volume != 0.0:
        for a in range(3):
            for b in range(3):
                reciprocal[a, b] /= volume
    return volume
