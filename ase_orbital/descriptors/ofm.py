"""Orbital field matrix.

Source: Pham et al., Sci. Technol. Adv. Mater. 18, 756 (2017),
doi:10.1080/14686996.2017.1378060, in the layout of Orbital CrystalNet (Yang).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, final

import numpy as np

from ase_orbital.descriptors.base import Descriptor, check_elements
from ase_orbital.elements import ORBITALS, valence_vectors
from ase_orbital.errors import SettingError
from ase_orbital.numerics.jit import compiled
from ase_orbital.voronoi.faces import find_faces

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ase_orbital.neighbors.batch import NeighborBatch
    from ase_orbital.structure import AtomsLike


@final
@dataclass(frozen=True, kw_only=True)
class OFM(Descriptor):
    r"""Orbital field matrix: valence orbitals of neighbors, weighted by Voronoi faces.

    $X_c = \sum_k \frac{\theta_k}{\theta_{max}} \frac{1}{r_k^p} \, o_c o_k^\top$

    is a sum over the faces k of the Voronoi cell of atom c, with solid angles theta and
    distances r in Å. The vector o is 1 for each occupied (subshell, electrons) in
    `elements.ORBITALS`.

    Parameters
    ----------
    distance_exponent
        p. It is 1 in Pham et al. and in the paper of Orbital CrystalNet, and 4 in its code.
    center
        Whether o_c precedes the columns of X_c: 32 x 33 features instead of 32 x 32.

    Raises
    ------
    SettingError
        If the exponent is not a number of at least 0, or center no bool.
    """

    distance_exponent: float = 1
    center: bool = True

    match_tolerance: ClassVar[float] = 0.03
    _max_atoms: ClassVar[int] = 256  # 2 MB of features fit into the cache

    def __post_init__(self) -> None:
        """Validate the settings."""
        exponent = self.distance_exponent
        if not (isinstance(exponent, int | float) and 0.0 <= exponent < math.inf):
            raise SettingError(f"distance_exponent must be a number >= 0, not {exponent!r}")
        if not isinstance(self.center, bool):
            raise SettingError(f"center must be True or False, not {self.center!r}")

    @property
    def n_features(self) -> int:
        """1056, or 1024 without the center's orbitals."""
        return len(ORBITALS) * (len(ORBITALS) + self.center)

    def features(self, batch: NeighborBatch) -> NDArray[np.floating[Any]]:
        """Compute [o_c | X_c], flattened, [n_inequivalent, n_features]. X in Å^-p."""
        valence, known = _table()
        check_elements(batch, known, "valence configuration")
        n_orbitals = len(ORBITALS)
        n_centers = len(batch.representative)
        matrices = np.zeros((n_centers, n_orbitals, n_orbitals + self.center))
        for s in range(len(batch.cells)):
            begin, end = batch.first_atom[s : s + 2]
            first, last = batch.first_inequivalent[s : s + 2]
            numbers = batch.numbers[begin:end]
            faces = find_faces(
                numbers, batch.positions[begin:end], batch.cells[s], batch.pbc[s]
            )
            write_field_matrices(
                valence,
                numbers,
                batch.representative[first:last] - begin,
                faces.center,
                faces.neighbor,
                faces.distance,
                faces.solid_angle,
                float(self.distance_exponent),
                matrices[first:last],
            )
        return matrices.reshape(-1, self.n_features)

    def compact(self, features: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
        """Reduce features to 32 for each atom, which keeps distances within an element.

        X_c is the outer product of the center's valence vector, which all atoms of an
        element share, and 32 numbers that describe the neighbors.
        """
        n_orbitals = len(ORBITALS)
        matrices = features.reshape(len(features), n_orbitals, -1)[:, :, -n_orbitals:]
        occupied = matrices.any(axis=2).sum(axis=1, keepdims=True)
        return np.asarray(matrices.sum(axis=1) / np.sqrt(np.maximum(occupied, 1)))

    def _names(self) -> list[str]:
        """Name an orbital of the center, or a pair of center and neighbor: `s2-p4`."""
        columns = ["", *ORBITALS] if self.center else ORBITALS
        return [f"{row}-{column}".rstrip("-") for row in ORBITALS for column in columns]

    def matrices(self, structure: AtomsLike) -> NDArray[np.float64]:
        """Compute X of each atom, [n_atoms, 32, 32], in Å^-p; rows are center orbitals."""
        features = self.create(structure)
        fields = features.reshape(len(features), len(ORBITALS), -1)
        return np.asarray(fields[:, :, int(self.center) :])

    def mean(self, structure: AtomsLike) -> NDArray[np.float64]:
        """Describe a structure by the mean over its atoms, [n_features]."""
        return np.asarray(self.create(structure).mean(axis=0))


@cache
def _table() -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return writable valence vectors for compiled code, and the covered elements."""
    valence = valence_vectors().copy()
    return valence, np.asarray(valence.any(axis=1))


@compiled
def write_field_matrices(
    valence: NDArray[np.float64],
    numbers: NDArray[np.int64],
    centers: NDArray[np.int64],
    center: NDArray[np.int64],
    neighbor: NDArray[np.int64],
    distance: NDArray[np.float64],
    solid_angle: NDArray[np.float64],
    exponent: float,
    matrices: NDArray[np.float64],
) -> None:
    """Write sums of weighted outer products of valence vectors over the faces of atoms.

    Parameters
    ----------
    valence : [n_elements, n_orbitals]
        Row Z belongs to atomic number Z.
    numbers : [n_atoms]
    centers : [n_centers]
        Atoms to describe, in ascending order.
    center, neighbor : [n_faces]
        Atoms of each face. Faces of one center are consecutive.
    distance, solid_angle : [n_faces]
    exponent
        p in `OFM`.
    matrices : [n_centers, n_orbitals, n_orbitals or n_orbitals + 1]
        Zeros, to be overwritten; the last dimension decides whether o_c is written.
    """
    n_orbitals = valence.shape[1]
    with_center = matrices.shape[2] - n_orbitals
    field = np.empty(n_orbitals)
    end = 0
    for at in range(len(centers)):
        c = centers[at]
        while end < len(center) and center[end] < c:
            end += 1
        start, largest = end, 0.0
        while end < len(center) and center[end] == c:
            largest = max(largest, solid_angle[end])
            end += 1
        for b in range(n_orbitals):
            field[b] = 0.0
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
