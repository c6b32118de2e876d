"""In how many directions a structure is periodic."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from ase_orbital.structure import lattice

if TYPE_CHECKING:
    from ase import Atoms

VACUUM: Final = 8.0  # Å between planes of atoms; layered crystals have less


def n_periodic(atoms: Atoms) -> int:
    """Count the directions in which a valid structure is periodic, 0 to 3.

    They are those of `pbc`, except for directions in which a vacuum of more than `VACUUM`
    separates the structure from its images: a slab has 2, whatever its `pbc`.
    """
    periodic, cell = np.asarray(atoms.pbc), atoms.cell.array
    count = int(periodic.sum())
    longest = np.square(cell).sum(axis=1) * periodic
    if longest.max() <= VACUUM**2:  # most crystals; there is no room for a vacuum
        return count
    inverse = np.linalg.inv(lattice(atoms))
    heights = 1.0 / np.linalg.norm(inverse, axis=0)  # of the cell above each face
    for axis in np.flatnonzero(periodic & (heights > VACUUM)):
        along = np.sort(atoms.positions @ inverse[:, axis] % 1.0)
        gaps = np.diff(along, append=along[0] + 1.0)
        count -= int(gaps.max() * heights[axis] > VACUUM)
    return count
