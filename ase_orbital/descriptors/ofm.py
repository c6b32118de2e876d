"""Orbital field matrix.

Source: Pham et al., Sci. Technol. Adv. Mater. 18, 756 (2017),
doi:10.1080/14686996.2017.1378060, and the layout of Orbital CrystalNet (Yang): the
center's own orbitals in front of each row.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, final

import numpy as np

from ase_orbital.descriptors.base import Descriptor
from ase_orbital.elements import ORBITALS, require, valence_vectors
from ase_orbital.errors import SettingError
from ase_orbital.numerics.jit import compiled
from ase_orbital.structure import to_atoms
from ase_orbital.voronoi.faces import voronoi_faces

if TYPE_CHECKING:
    from ase import Atoms
    from numpy.typing import NDArray

    from ase_orbital.neighbors.batch import Surroundings
    from ase_orbital.structure import AtomsLike


@final
@dataclass(frozen=True, kw_only=True)
class OFM(Descriptor):
    r"""Valence orbitals around each atom, weighed by its Voronoi faces.

    $X_c = \sum_k \frac{\theta_k}{\theta_{max}} \frac{1}{r_k^p} \, o_c o_k^\top$

    over the faces k of the Voronoi cell of atom c, with solid angles theta and distances r
    in Å; o holds 1 for each occupied (subshell, electrons), see `ORBITALS`.

    Parameters
    ----------
    distance_exponent
        p: 1 in Pham et al. and Orbital CrystalNet's paper, 4 in its published code.
    center
        Whether o_c stands in front of each row of X_c: 32 x 33 numbers, else 32 x 32.
    """

    distance_exponent: float = 1
    center: bool = True

    def __post_init__(self) -> None:
        """Refuse settings that mean nothing."""
        exponent = self.distance_exponent
        if not (isinstance(exponent, int | float) and 0.0 <= exponent < math.inf):
            raise SettingError(f"distance_exponent must be a number >= 0, not {exponent!r}")

    @property
    def n_features(self) -> int:
        """1056, or 1024 without the center's orbitals."""
        return len(ORBITALS) * (len(ORBITALS) + self.center)

    def features(self, structures: list[Surroundings]) -> list[NDArray[np.floating[Any]]]:
        """Rows of [o_c | X_c] one after another; X in Å^-p."""
        return [
            self._fields(around.atoms, around.orbits.first).reshape(-1, self.n_features)
            for around in structures
        ]

    def matrices(self, structure: AtomsLike) -> NDArray[np.float64]:
        """X of each atom, [n_atoms, 32, 32]; rows belong to the center. Å^-p.

        Raises
        ------
        StructureError, ElementError
            As for `create`.
        """
        atoms = to_atoms(structure)
        fields = self._fields(atoms, np.arange(len(atoms)))
        return fields[:, :, int(self.center) :]

    def mean(self, structure: AtomsLike) -> NDArray[np.float64]:
        """Describe the whole structure by the mean over its atoms, [n_features].

        Raises
        ------
        StructureError, ElementError
            As for `create`.
        """
        return np.asarray(self.create(structure).mean(axis=0))

    def _fields(self, atoms: Atoms, centers: NDArray[np.int64]) -> NDArray[np.float64]:
        valence, known = _table()
        require(atoms.numbers, known, "valence configuration")
        faces = voronoi_faces(atoms)
        return field_matrices(
            valence,
            atoms.numbers,
            centers,
            faces.center,
            faces.neighbor,
            faces.distance,
            faces.solid_angle,
            float(self.distance_exponent),
            self.center,
        )


@cache
def _table() -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Valence vectors, a copy that may be handed to compiled code, and who has one."""
    valence = valence_vectors().copy()
    return valence, np.asarray(valence.any(axis=1))


@compiled
def field_matrices(
    valence: NDArray[np.float64],
    numbers: NDArray[np.int64],
    centers: NDArray[np.int64],
    center: NDArray[np.int64],
    neighbor: NDArray[np.int64],
    distance: NDArray[np.float64],
    solid_angle: NDArray[np.float64],
    exponent: float,
    with_center: bool,
) -> NDArray[np.float64]:
    """Sum weighted outer products of valence vectors over the faces of each atom.

    Parameters
    ----------
    valence : [n_elements, n_orbitals]
        Row Z belongs to atomic number Z.
    numbers : [n_atoms]
        Atomic numbers.
    centers : [n_centers]
        Atoms to describe, in ascending order.
    center, neighbor : [n_faces]
        Faces of one center stand together.
    distance : [n_faces]
        Å.
    solid_angle : [n_faces]
        Divided by the center's largest.
    exponent
        Of the distance in the weight.
    with_center
        Whether the center's valence vector is put in front as column 0.

    Returns
    -------
    [n_centers, n_orbitals, n_orbitals or one more]
        Rows belong to the center, columns to the neighbors. Å^-exponent.
    """
    n_orbitals = valence.shape[1]
    matrices = np.zeros((len(centers), n_orbitals, n_orbitals + with_center))
    field = np.empty(n_orbitals)
    end = 0
    for at, c in enumerate(centers):
        while end < len(center) and center[end] < c:
            end += 1
        start, largest = end, 0.0
        while end < len(center) and center[end] == c:
            largest = max(largest, solid_angle[end])
            end += 1
        field[:] = 0.0
        for k in range(start, end):
            weight = solid_angle[k] / (largest * distance[k] ** exponent)
            around = valence[numbers[neighbor[k]]]
            for b in range(n_orbitals):
                field[b] += weight * around[b]
        own = valence[numbers[c]]
        for a in range(n_orbitals):
            if own[a] != 0.0:
                if with_center:
                    matrices[at, a, 0] = own[a]
                for b in range(n_orbitals):
                    matrices[at, a, b + with_center] = own[a] * field[b]
    return matrices
