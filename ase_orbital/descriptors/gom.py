"""Gaussian overlap matrix fingerprints.

Source: Zhu et al., J. Chem. Phys. 144, 034203 (2016), doi:10.1063/1.4940026; as node rows,
Tao & Zhu, J. Phys. Chem. Lett. 16, 717 (2025), doi:10.1021/acs.jpclett.4c03179.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal, final

import numpy as np
import torch
from torch.nn.functional import pad

from ase_orbital.descriptors.base import Descriptor
from ase_orbital.elements import covalent_radii, require
from ase_orbital.errors import SettingError
from ase_orbital.neighbors.batch import SHARE, survey
from ase_orbital.numerics.packing import Sheaves, packed, put, spectra
from ase_orbital.numerics.threads import balanced_chunks, each_on_one_thread
from ase_orbital.overlap.differentiable import eigenvalues, overlap_matrices
from ase_orbital.overlap.environments import by_size, gather
from ase_orbital.overlap.matrices import overlap_triangles
from ase_orbital.overlap.symmetry_blocks import Blocks, symmetric_blocks
from ase_orbital.structure import to_atoms

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from ase_orbital.neighbors.batch import Surroundings
    from ase_orbital.overlap.environments import Environment, Gathered
    from ase_orbital.structure import AtomsLike

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

# Numbers in matrices that are computed together, which bounds the memory:
CHUNK = 2**17  # in compiled loops, or one sheaf
STACK = 2**18  # by torch, in some steps; more on another device, which has more threads
NEGLIGIBLE = 1e-10  # eigenvalues below are rounding, and become zero before normalization


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
    max_atoms
        Most atoms in an environment, its center included; the nearest are kept, and of
        the outermost shell either all or none.
    dtype
        "float64", or "float32" for up to twice the speed and eigenvalues good to 1e-6.
    device
        Where torch computes, such as "cpu" or "cuda".
    """

    cutoff: float = 6.0
    orbitals: Literal["s", "sp"] = "s"
    n_eigenvalues: int | None = None
    normalize: bool = False
    max_atoms: int = 256
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
        if self.max_atoms < 1:
            raise SettingError(f"max_atoms must be at least 1, not {self.max_atoms}")
        if self.dtype not in ("float32", "float64"):
            raise SettingError(f"dtype must be 'float32' or 'float64', not {self.dtype!r}")

    @property
    def n_features(self) -> int | None:
        """`n_eigenvalues`."""
        return self.n_eigenvalues

    @property
    def _n_orbitals(self) -> int:
        return len(self.orbitals) ** 2

    @property
    def reach(self) -> float:
        """`cutoff`."""
        return self.cutoff

    def features(self, structures: list[Surroundings]) -> list[NDArray[np.floating[Any]]]:
        """Eigenvalues, largest first, [n_orbits, n_features] each; no unit."""
        if not structures:
            return []
        radii, widths = self._widths(structures)
        gathered = gather(structures, self.cutoff, self.max_atoms)
        n_orbits = np.array([len(around.orbits.first) for around in structures])
        last = np.cumsum(n_orbits)
        width = self._width(gathered.size)
        rows = np.zeros((last[-1], width), self.dtype)
        everyone = np.arange(last[-1])
        if self.device == "cpu":
            if self.orbitals == "s":
                blocks = self._blocks(structures, gathered.size, radii)
                self._fill_from_blocks(rows, blocks, gathered.size)
                everyone = np.setdiff1d(everyone, blocks.center)
            solved = self._solve(gathered, everyone, widths)
        else:
            solved = self._solve_on_device(gathered, widths)
        for part, values in solved:
            n = min(values.shape[1], width)
            rows[part, :n] = values[:, :n]
        if self.normalize:
            rows[np.abs(rows) < NEGLIGIBLE] = 0.0
            # An overlap matrix has trace >= 1 at its center: the norm is never zero.
            rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        split = np.split(rows, last[:-1])
        if self.n_eigenvalues is not None:
            return split
        largest = np.maximum.reduceat(gathered.size, last - n_orbits)
        pairs = zip(split, largest, strict=True)
        return [one[:, : size * self._n_orbitals] for one, size in pairs]

    def _solve(
        self, gathered: Gathered, chosen: Integers, widths: Floats
    ) -> Iterator[tuple[Integers, NDArray[np.floating[Any]]]]:
        """Yield places of environments, and the eigenvalues of their whole matrices."""
        sizes = gathered.size * self._n_orbitals
        different, kind = np.unique(widths, return_inverse=True)
        parts = list(packed(sizes[chosen]).parts(CHUNK)) if len(chosen) else []

        def solve(part: Sheaves) -> NDArray[np.floating[Any]]:
            own = chosen[part.matrix]
            if self.orbitals == "s":
                triangles = overlap_triangles(
                    gathered, own, part, different, kind, self.cutoff, self.dtype
                )
            else:
                triangles = self._triangles(gathered, own, part, widths)
            return spectra(triangles, part, sizes[own])

        places = [chosen[part.matrix] for part in parts]
        return zip(places, each_on_one_thread(solve, parts), strict=True)

    def _triangles(
        self, gathered: Gathered, own: Integers, part: Sheaves, widths: Floats
    ) -> NDArray[np.floating[Any]]:
        """Matrices of the environments of a part, which are sorted by size."""
        triangles, (places, strides) = part.memory(0.0, self.dtype), part.places()
        ends = np.flatnonzero(np.diff(gathered.size[own], append=0)) + 1
        for begin, end in pairwise([0, *ends]):
            around = gathered.around(own[begin:end])
            matrices = self._matrices(*self._tensors(around, widths))
            put(matrices.numpy(), places[begin:end], strides[begin:end], triangles)
        return triangles

    def _solve_on_device(
        self, gathered: Gathered, widths: Floats
    ) -> Iterator[tuple[Integers, NDArray[np.floating[Any]]]]:
        """Yield places of environments, and their eigenvalues, by torch on any device."""
        parts = list(by_size(gathered.size * self._n_orbitals, 8 * STACK))

        def solve(part: Integers) -> NDArray[np.floating[Any]]:
            matrices = self._matrices(*self._tensors(gathered.around(part), widths))
            return np.asarray(eigenvalues(matrices).cpu().numpy())

        return zip(parts, each_on_one_thread(solve, parts), strict=True)

    def _blocks(
        self, structures: list[Surroundings], sizes: Integers, radii: Floats
    ) -> Blocks:
        """Blocks of all environments that have symmetry, by place among all orbits."""
        n_orbits = [len(around.orbits.first) for around in structures]
        starts = np.cumsum([0, *n_orbits])
        shares = balanced_chunks(range(len(structures)), n_orbits, SHARE)

        def describe(share: list[int]) -> Blocks:
            first, end = share[0], share[-1] + 1
            own = sizes[starts[first] : starts[end]]
            blocks = symmetric_blocks(structures[first:end], own, radii, self.cutoff)
            return blocks._replace(center=blocks.center + starts[first])

        found = list(each_on_one_thread(describe, shares))
        return Blocks(*map(np.concatenate, zip(*found, strict=True)))

    def _fill_from_blocks(
        self, rows: NDArray[np.floating[Any]], blocks: Blocks, sizes: Integers
    ) -> None:
        """Put the eigenvalues of all blocks of an environment into its row, sorted."""
        if not len(blocks.size):
            return
        # Each block's eigenvalues go behind those of the environment's blocks before it.
        begin = np.cumsum(blocks.size) - blocks.size
        values = np.empty(blocks.size.sum(), self.dtype)
        parts = list(packed(blocks.size).parts(CHUNK))

        def solve(part: Sheaves) -> NDArray[np.floating[Any]]:
            triangles = blocks.triangles(part, self.dtype)
            return spectra(triangles, part, blocks.size[part.matrix])

        for part, found in zip(parts, each_on_one_thread(solve, parts), strict=True):
            column = np.arange(found.shape[1])
            inside = column < blocks.size[part.matrix][:, None]
            values[(begin[part.matrix][:, None] + column)[inside]] = found[inside]
        own, first = np.unique(blocks.center, return_index=True)
        for n in np.unique(sizes[own]):
            alike = sizes[own] == n
            merged = values[begin[first[alike]][:, None] + np.arange(n)]
            merged.sort(axis=1)
            rows[own[alike], :n] = merged[:, ::-1][:, : rows.shape[1]]

    def differentiable_features(
        self, around: Surroundings, vectors: torch.Tensor
    ) -> torch.Tensor:
        """Rows of all atoms as a function of the vectors to their neighbors, for autograd.

        Inside a degenerate set eigenvalues share the average of their derivatives.

        Parameters
        ----------
        around
            A structure surveyed without symmetry, up to `cutoff` at least.
        vectors : [n_pairs, 3]
            Those of `around.pairs`, Å.

        Returns
        -------
        [n_atoms, n_features]
            What `create` gives, in the precision of the vectors.
        """
        _, widths = self._widths([around])
        gathered = gather([around], self.cutoff, self.max_atoms)
        everyone = np.arange(len(around.atoms))
        parts = list(gathered.parts(everyone, STACK, self._n_orbitals))
        width, wanted = self._width(gathered.size), torch.is_grad_enabled()

        def describe(part: Environment) -> torch.Tensor:
            members = gathered.begin[part.center][:, None] + np.arange(
                part.atoms.shape[1] - 1
            )
            with torch.set_grad_enabled(wanted):
                # The center comes first, at the origin.
                points = pad(vectors[torch.as_tensor(members)], (0, 0, 1, 0))
                gaussians = points.new_tensor(widths[part.atoms])
                values = self._features(points, gaussians, width)
                return pad(values, (0, width - values.shape[1]))

        rows = torch.cat(list(each_on_one_thread(describe, parts)))
        order = np.argsort(np.concatenate([part.center for part in parts]))
        return rows[torch.as_tensor(order)]

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
        around = survey(atoms, self.cutoff, symmetry=False)
        _, widths = self._widths([around])
        gathered = gather([around], self.cutoff, self.max_atoms)
        everyone = np.arange(len(atoms))
        parts = list(gathered.parts(everyone, STACK, self._n_orbitals))
        n_features = self._width(gathered.size)
        out = np.zeros((len(atoms), n_features, len(atoms), 3), self.dtype)

        def slopes(part: Environment) -> list[NDArray[np.floating[Any]]]:
            points, around = self._tensors(part, widths)
            points.requires_grad_()
            with torch.enable_grad():
                values = self._features(points, around, n_features)
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

    def _matrices(self, points: torch.Tensor, widths: torch.Tensor) -> torch.Tensor:
        return overlap_matrices(points, widths, cutoff=self.cutoff, orbitals=self.orbitals)

    def _features(
        self, points: torch.Tensor, widths: torch.Tensor, width: int
    ) -> torch.Tensor:
        """At most `width` eigenvalues of environments of one size, as in `features`."""
        values = eigenvalues(self._matrices(points, widths))[:, :width]
        if self.normalize:
            values = torch.where(values.abs() < NEGLIGIBLE, 0.0, values)
            values = values / torch.linalg.norm(values, dim=1, keepdim=True)
        return values

    def _tensors(
        self, part: Environment, widths: NDArray[np.float64]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        dtype = getattr(torch, self.dtype)
        points = torch.as_tensor(part.points, dtype=dtype, device=self.device)
        return points, torch.as_tensor(widths[part.atoms], dtype=dtype, device=self.device)

    @staticmethod
    def _widths(structures: list[Surroundings]) -> tuple[Floats, Floats]:
        """Widths of the Gaussians of each element and of all atoms, Å."""
        radii = covalent_radii()
        known = np.isfinite(radii)
        numbers = [around.atoms.numbers for around in structures]
        everything = np.concatenate(numbers)
        if everything.max() >= len(known) or not known[everything].all():
            for own in numbers:  # to name the atom of its structure
                require(own, known, "covalent radius in the GOM table")
        return radii, radii[everything]
