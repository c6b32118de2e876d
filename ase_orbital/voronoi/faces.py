"""Voronoi faces of every atom.

A face lies half way to a neighbor and subtends a solid angle. Periodic images are separate
neighbors. The vacuum is the limit of infinite distance: along open axes, an unbounded face
keeps the solid angle that it subtends at infinity, and directions that meet no face belong
to the vacuum.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn, final

import numpy as np
from ase import Atoms

from ase_orbital.errors import StructureError
from ase_orbital.neighbors.cell_list import FLAT, NOT_FINITE
from ase_orbital.numerics.interpreter import interpreter
from ase_orbital.structure import coincidence
from ase_orbital.voronoi.cells import COINCIDENT, ONE_SIDED, OPEN, voronoi

if TYPE_CHECKING:
    from numpy.typing import NDArray

# If planes almost meet in one corner, with gaps as wide as the tolerance, they can be
# separate on one face and not on the next. Another tolerance decides alike on all faces.
TOLERANCES = (1e-13, 1e-11, 1e-9)


@final
@dataclass(frozen=True, eq=False)
class VoronoiFaces:
    """Faces of all Voronoi cells, sorted by atom.

    Every face is listed from both sides, with equal distance, solid angle and area.
    Faces below 1e-8 sr are left out.

    Parameters
    ----------
    center, neighbor : [n_faces]
        Atoms on either side; an atom may be its own neighbor.
    shift : [n_faces, 3]
        Lattice vectors to add to the neighbor's position, zero along open axes.
    distance : [n_faces]
        Center to neighbor. Å.
    solid_angle : [n_faces]
        Seen from the center. Steradian.
    area : [n_faces]
        Å^2; infinite if the face never ends.
    vacuum : [n_atoms]
        Solid angle in which an atom has no neighbor. Steradian; zero in a crystal.
    """

    center: NDArray[np.int64]
    neighbor: NDArray[np.int64]
    shift: NDArray[np.int64]
    distance: NDArray[np.float64]
    solid_angle: NDArray[np.float64]
    area: NDArray[np.float64]
    vacuum: NDArray[np.float64]


def voronoi_faces(atoms: Atoms) -> VoronoiFaces:
    """Find the Voronoi faces of all atoms; see `find_faces`."""
    interpreter.begin_job(len(atoms))
    positions = np.ascontiguousarray(atoms.positions, float)
    cell = np.ascontiguousarray(atoms.cell.array, float)
    return find_faces(atoms.numbers, positions, cell, atoms.pbc)


def find_faces(
    numbers: NDArray[np.int64],
    positions: NDArray[np.float64],
    cell: NDArray[np.float64],
    pbc: NDArray[np.bool_],
) -> VoronoiFaces:
    """Find the Voronoi faces of all atoms, for any cell and any mixture of open axes.

    Positions need not be wrapped. Cell vectors of open axes are ignored.

    Raises
    ------
    StructureError
        If two atoms coincide, the cell is flat, or a number is not finite. Also if the
        solid angles of an atom do not sum to 4 pi or a face has no other side; both are
        checked for every structure.
    """
    for tolerance in TOLERANCES:
        sides, sizes, vacuum, trouble = voronoi(positions, cell, pbc, tolerance)
        if trouble[0] not in (OPEN, ONE_SIDED):
            break
    if trouble[0]:
        _refuse(Atoms(numbers, positions, cell=cell), *trouble.tolist())
    center, neighbor = sides[:, :2].T.copy()
    distance, solid_angle, area = sizes.T.copy()
    shift = sides[:, 2:].copy()
    return VoronoiFaces(center, neighbor, shift, distance, solid_angle, area, vacuum)


def _refuse(atoms: Atoms, reason: int, first: int, second: int) -> NoReturn:
    """Raise StructureError with the reason and the atoms concerned."""
    if reason == NOT_FINITE:
        raise StructureError("positions and cell must be finite numbers")
    if reason == FLAT:
        raise StructureError(
            f"the periodic cell vectors {atoms.cell.array.tolist()} do not span a volume; "
            "set the cell, or pbc=False along axes without one"
        )
    if reason == COINCIDENT:
        raise coincidence(atoms, first, second)
    found = (
        "solid angles do not sum to 4 pi" if reason == OPEN else "a face has no other side"
    )
    raise StructureError(
        f"the Voronoi cell of atom {first} ({atoms.symbols[first]}) is inconsistent "
        f"({found}); check the distances of atoms around it, or move it by 1e-6 Å"
    )
