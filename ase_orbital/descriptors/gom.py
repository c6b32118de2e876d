"""Gaussian overlap matrix fingerprints.

Source: Zhu et al., J. Chem. Phys. 144, 034203 (2016), doi:10.1063/1.4940026; as node rows,
Tao & Zhu, J. Phys. Chem. Lett. 16, 717 (2025), doi:10.1021/acs.jpclett.4c03179.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, final

import numpy as np
import torch

from ase_orbital.descriptors.base import Descriptor
from ase_orbital.descriptors.overlap import eigenvalues, overlap_matrices
from ase_orbital.elements import covalent_radii, require
from ase_orbital.errors import SettingError
from ase_orbital.neighbors.pairs import find_pairs
from ase_orbital.structure import to_atoms
from ase_orbital.threads import each_on_one_thread

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ase import Atoms
    from numpy.typing import NDArray

    from ase_orbital.structure import AtomsLike

logger = logging.getLogger(__name__)

CHUNK = 2**18  # numbers in the matrices of one eigenvalue call: bounds the memory
TIE = 1e-4  # Å; neighbors nearer than this to one distance are one shell
NEGLIGIBLE = 1e-10  # eigenvalues below are rounding, and become zero before normalisation


class Environment(NamedTuple):
    """Environments of one size, from any number of structures.

    center : [n_environments] index among all atoms; atoms : [n_environments, n] likewise,
    the center first; points : [n_environments, n, 3] relative to the center, Å.
    """

    center: NDArray[np.int64]
    atoms: NDArray[np.int64]
    points: NDArray[np.float64]


@final
@dataclass(frozen=True, kw_only=True)
class GOM(Descriptor):
    """Eigenvalues of the overlap matrix of Gaussians around each atom.

    Parameters
    ----------
    cutoff
        Radius of the environment. Å.
    orbitals
        "s", or "sp" for s and p Gaussians on every atom.
    n_eigenvalues
        Length of a row: the largest so many, zero-padded. None for as many as the
        structure's largest environment has.
    normalize
        Divide each row by its Euclidean norm, as the EOSnet paper does.
    max_neighbors
        Most atoms in an environment, its center included; the nearest are kept, and of
        the outermost shell either all or none.
    dtype
        "float64", or "float32" for twice the speed and eigenvalues good to 1e-7.
    device
        Where torch computes, such as "cpu" or "cuda".
    """

    cutoff: float = 6.0
    orbitals: Literal["s", "sp"] = "s"
    n_eigenvalues: int | None = None
    normalize: bool = False
    max_neighbors: int = 256
    dtype: Literal["float32", "float64"] = "float64"
    device: str = "cpu"

    def __post_init__(self) -> None:
        """Refuse settings that mean nothing."""
        if self.orbitals not in ("s", "sp"):
            raise SettingError(f"orbitals must be 's' or 'sp', not {self.orbitals!r}")
        if not 0.0 < self.cutoff < np.inf:
            raise SettingError(
                f"cutoff must be a length in Å above zero, not {self.cutoff}"
            )
        if self.n_eigenvalues is not None and self.n_eigenvalues < 1:
            raise SettingError(
                f"n_eigenvalues must be at least 1, or None, not {self.n_eigenvalues}"
            )
        if self.max_neighbors < 1:
            raise SettingError(
                f"max_neighbors must be at least 1, not {self.max_neighbors}"
            )
        if self.dtype not in ("float32", "float64"):
            raise SettingError(f"dtype must be 'float32' or 'float64', not {self.dtype!r}")

    @property
    def n_features(self) -> int | None:
        """`n_eigenvalues`."""
        return self.n_eigenvalues

    @property
    def _n_orbitals(self) -> int:
        return len(self.orbitals) ** 2

    def rows(self, structures: list[Atoms]) -> list[NDArray[np.floating[Any]]]:
        """Eigenvalues, largest first, [n_atoms, n_features] for each structure; no unit."""
        if not structures:
            return []
        lengths = [len(atoms) for atoms in structures]
        parts, sizes, widths = self._gather(structures)
        width = self._width(sizes)
        rows = np.zeros((len(widths), width), self.dtype)

        def describe(part: Environment) -> NDArray[np.floating[Any]]:
            values = self._eigenvalues(*self._tensors(part, widths))[:, :width]
            return np.asarray(values.cpu().numpy())

        for part, values in zip(parts, each_on_one_thread(describe, parts), strict=True):
            rows[part.center, : values.shape[1]] = values
        if self.normalize:
            rows[np.abs(rows) < NEGLIGIBLE] = 0.0
            # An overlap matrix has trace >= 1 at its center: the norm is never zero.
            rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        split = np.split(rows, np.cumsum(lengths)[:-1])
        if self.n_eigenvalues is not None:
            return split
        largest = np.maximum.reduceat(sizes, np.cumsum([0, *lengths[:-1]]))
        pairs = zip(split, largest, strict=True)
        return [one[:, : size * self._n_orbitals] for one, size in pairs]

    def derivatives(self, structure: AtomsLike) -> NDArray[np.floating[Any]]:
        """Derivatives of every feature by every atom's position.

        Features of one degenerate set share the average of their derivatives, which are
        not defined one by one.

        Parameters
        ----------
        structure
            As for `create`.

        Returns
        -------
        [n_atoms, n_features, n_atoms, 3]
            Row atom, feature, moved atom, direction. 1/Å. All images of an atom move.
        """
        atoms = to_atoms(structure)
        parts, sizes, widths = self._gather([atoms])
        n_features = self._width(sizes)
        out = np.zeros((len(atoms), n_features, len(atoms), 3), self.dtype)

        def slopes(part: Environment) -> list[NDArray[np.floating[Any]]]:
            points, around = self._tensors(part, widths)
            points.requires_grad_()
            with torch.enable_grad():
                values = self._eigenvalues(points, around)[:, :n_features]
                if self.normalize:
                    values = torch.where(values.abs() < NEGLIGIBLE, 0.0, values)
                    values = values / torch.linalg.norm(values, dim=1, keepdim=True)
            gradients = (
                torch.autograd.grad(feature.sum(), points, retain_graph=True)[0]
                for feature in values.T
            )
            return [gradient.cpu().numpy() for gradient in gradients]

        for part, found in zip(parts, each_on_one_thread(slopes, parts), strict=True):
            for feature, slope in enumerate(found):
                self._scatter(out[:, feature], part, slope)
        return out

    def _width(self, sizes: NDArray[np.int64]) -> int:
        """Length of the rows of structures with environments of these sizes."""
        if self.n_eigenvalues is not None:
            return self.n_eigenvalues
        return int(sizes.max()) * self._n_orbitals

    @staticmethod
    def _scatter(
        out: NDArray[np.floating[Any]], part: Environment, slope: NDArray[np.floating[Any]]
    ) -> None:
        """Add slopes by environment members to the atoms they are images of."""
        np.add.at(out, (part.center[:, None], part.atoms), slope)
        # Points are relative to the center: moving it moves all others the other way.
        np.subtract.at(out, (part.center, part.center), slope.sum(axis=1))

    def _eigenvalues(self, points: torch.Tensor, widths: torch.Tensor) -> torch.Tensor:
        matrices = overlap_matrices(
            points, widths, cutoff=self.cutoff, orbitals=self.orbitals
        )
        return eigenvalues(matrices)

    def _tensors(
        self, part: Environment, widths: NDArray[np.float64]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        dtype = getattr(torch, self.dtype)
        points = torch.as_tensor(part.points, dtype=dtype, device=self.device)
        return points, torch.as_tensor(widths[part.atoms], dtype=dtype, device=self.device)

    def _chunks(self, group: Environment) -> Iterator[Environment]:
        """Cut a group where its matrices would take too much memory."""
        n = group.atoms.shape[1] * self._n_orbitals
        step = max(1, CHUNK // n**2)
        for start in range(0, len(group.center), step):
            part = slice(start, start + step)
            yield Environment(group.center[part], group.atoms[part], group.points[part])

    def _gather(
        self, structures: list[Atoms]
    ) -> tuple[list[Environment], NDArray[np.int64], NDArray[np.float64]]:
        """Environments of all atoms in parts of one size, the sizes, and the widths."""
        radii = covalent_radii()
        known = np.isfinite(radii)
        atoms_before = 0
        pairs_before = 0
        neighbors, vectors, firsts, sizes, widths = [], [], [], [], []
        for atoms in structures:
            require(atoms.numbers, known, "covalent radius in the GOM table")
            pairs = find_pairs(atoms, self.cutoff)
            neighbors.append(pairs.neighbor + atoms_before)
            vectors.append(pairs.vector)
            firsts.append(pairs.first[:-1] + pairs_before)
            sizes.append(self._sizes(pairs.distance, pairs.first))
            widths.append(radii[atoms.numbers])
            atoms_before += len(atoms)
            pairs_before += len(pairs.center)
        neighbor, vector = np.concatenate(neighbors), np.concatenate(vectors)
        first, size = np.concatenate(firsts), np.concatenate(sizes)
        parts: list[Environment] = []
        for n in np.unique(size):
            center = np.flatnonzero(size == n)
            members = first[center][:, None] + np.arange(n - 1)
            points = np.zeros((len(center), n, 3))
            points[:, 1:] = vector[members]
            around = np.concatenate([center[:, None], neighbor[members]], axis=1)
            parts += self._chunks(Environment(center, around, points))
        return parts, size, np.concatenate(widths)

    def _sizes(
        self, distance: NDArray[np.float64], first: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """Atoms in each environment, its center included."""
        # Damping is zero at the rim, so what rounding puts there makes no difference
        # but to the number of eigenvalues.
        inside = np.concatenate([[0], np.cumsum(distance < self.cutoff * (1.0 - 1e-9))])
        sizes = 1 + inside[first[1:]] - inside[first[:-1]]
        for center in np.flatnonzero(sizes > self.max_neighbors):
            around = distance[first[center] : first[center + 1]]
            kept = self.max_neighbors - 1
            while kept > 0 and around[kept] - around[kept - 1] < TIE:
                kept -= 1
            logger.info(
                "atom %d has %d atoms within %g Å; the nearest %d are used",
                center, sizes[center], self.cutoff, kept + 1,
            )  # fmt: skip
            sizes[center] = kept + 1
        return np.asarray(sizes)
