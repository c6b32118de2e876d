"""Gaussian overlap matrix fingerprints.

Source: Zhu et al., J. Chem. Phys. 144, 034203 (2016), doi:10.1063/1.4940026; as features of
a graph, Tao & Zhu, J. Phys. Chem. Lett. 16, 717 (2025), doi:10.1021/acs.jpclett.4c03179.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal, final

import numpy as np
import torch
from torch.nn.functional import pad

from ase_orbital.descriptors.base import (
    MOST_FEATURES,
    Descriptor,
    Precision,
    check_elements,
)
from ase_orbital.elements import covalent_radii
from ase_orbital.errors import SettingError, check_whole
from ase_orbital.neighbors.batch import check_cutoff, neighbor_batch
from ase_orbital.numerics.packing import Packs, pack, packed_eigenvalues, write_triangles
from ase_orbital.numerics.threads import each_on_one_thread
from ase_orbital.numerics.torch_state import check_device, own_torch_state
from ase_orbital.overlap.differentiable import (
    eigenvalues,
    moving_cutoffs,
    overlap_matrices,
)
from ase_orbital.overlap.environments import (
    RIM,
    Extents,
    by_size,
    environment_extents,
    environments_of,
    with_rim,
)
from ase_orbital.overlap.matrices import Gaussians, OverlapMatrix, full_triangles
from ase_orbital.overlap.symmetry_blocks import Blocks, symmetry_blocks
from ase_orbital.structure import to_atoms

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from ase_orbital.neighbors.batch import NeighborBatch
    from ase_orbital.overlap.environments import Environments
    from ase_orbital.structure import AtomsLike

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

# Largest number of matrix entries that are computed together, to limit the memory:
PACKED = 2**17  # in compiled loops
STACKED = 2**18  # in torch on the CPU, and eight times as many on a device
NEGLIGIBLE = 1e-10  # smaller eigenvalues are rounding errors, set to 0 before normalizing


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
        Number of features: the largest eigenvalues, padded with zeros. With None, it is
        the number of eigenvalues of the structure's largest environment.
    normalize
        Divide the features of each atom by their Euclidean norm, as the EOSNet paper does.
    max_atoms
        Most atoms in an environment, including its center. One that would have more ends
        at a smaller cutoff, where the first atom that is too many lies. 256 atoms are
        within 6 Å at 3.5 Å^3 per atom, which is denser than any solid at normal pressure.
    damping_exponent
        p of the damping (1 - d^2 / R^2)^p at distance d with cutoff R. The value of the
        published checkpoints of EOSnet up to June 2024 is 3.
    dtype
        "float64", or "float32" for up to twice the speed and an accuracy of 1e-6.
    device
        Device on which torch computes, such as "cpu" or "cuda". The CPU is faster: on an
        NVIDIA H200, "s" runs at 0.03 to 0.05 and "sp" at 0.42 to 0.45 of the speed of 16
        CPU cores, because cuSOLVER takes 0.5 ms for one matrix of 77 rows in float64.

    Raises
    ------
    SettingError
        If a setting is invalid.
    """

    cutoff: float = 6.0
    orbitals: Literal["s", "sp"] = "s"
    n_eigenvalues: int | None = None
    normalize: bool = False
    max_atoms: int = 256
    damping_exponent: int = 2
    dtype: Precision = "float64"
    device: str = "cpu"

    differentiable = True

    def __post_init__(self) -> None:
        """Validate the settings."""
        if self.orbitals not in ("s", "sp"):
            raise SettingError(f"orbitals must be 's' or 'sp', not {self.orbitals!r}")
        check_cutoff("cutoff", self.cutoff)
        for name in ("n_eigenvalues", "max_atoms", "damping_exponent"):
            value = getattr(self, name)
            if value is not None or name != "n_eigenvalues":
                check_whole(name, value, 1, MOST_FEATURES)
        if self.dtype not in ("float32", "float64"):
            raise SettingError(f"dtype must be 'float32' or 'float64', not {self.dtype!r}")
        check_device(self.device, SettingError)

    @property
    def n_features(self) -> int | None:
        """Number of features of an atom; None where it depends on the structure."""
        return self.n_eigenvalues

    def _names(self) -> list[str]:
        return [f"eigenvalue {index}" for index in range(1, (self.n_features or 0) + 1)]

    @property
    def _n_orbitals(self) -> int:
        return len(self.orbitals) ** 2

    @property
    def _compiled(self) -> bool:
        """Whether there are compiled loops for the matrices; torch computes others."""
        return self.orbitals == "s" and self.damping_exponent == 2

    def features(self, batch: NeighborBatch) -> NDArray[np.floating[Any]]:
        """Compute eigenvalues, largest first, [n_inequivalent, n_features]."""
        gaussians = self._gaussians(batch)
        extents = self._extents(batch)
        sizes = extents.sizes
        features = np.zeros((len(sizes), self._width(sizes)), self.dtype)
        if self.device != "cpu":
            solved = self._solve_on_device(batch, gaussians, extents)
        else:
            left = np.ones(len(sizes), np.bool_)
            if self._compiled:
                blocks = symmetry_blocks(batch, gaussians, extents)
                self._write_from_blocks(features, blocks, sizes)
                left[blocks.center] = False
            solved = self._solve(batch, gaussians, extents, np.flatnonzero(left))
        for index, values in solved:
            n = min(values.shape[1], features.shape[1])
            features[index, :n] = values[:, :n]
        if self.normalize:
            features[np.abs(features) < NEGLIGIBLE] = 0.0
            # The center's diagonal element is 1, so the norm is not zero.
            features /= np.linalg.norm(features, axis=1, keepdims=True)
        return features

    def lengths(self, batch: NeighborBatch) -> Integers:
        """Count the features of each structure, [n_structures, 1]."""
        if self.n_eigenvalues is not None:
            return super().lengths(batch)
        sizes = self._extents(batch).sizes
        largest = np.maximum.reduceat(sizes, batch.first_inequivalent[:-1])
        return np.asarray(largest[:, None] * self._n_orbitals)

    def _solve(
        self, batch: NeighborBatch, gaussians: Gaussians, extents: Extents, index: Integers
    ) -> Iterator[tuple[Integers, NDArray[np.floating[Any]]]]:
        """Yield inequivalent atoms and the eigenvalues of their full matrices."""
        n_rows = extents.sizes * self._n_orbitals
        parts = list(pack(n_rows[index]).parts(PACKED)) if len(index) else []

        def solve(part: Packs) -> NDArray[np.floating[Any]]:
            own = index[part.matrix]
            if self._compiled:
                triangles = full_triangles(batch, gaussians, extents, own, part, self.dtype)
            else:
                triangles = self._triangles(batch, gaussians, extents, own, part)
            return packed_eigenvalues(triangles, part, n_rows[own])

        places = [index[part.matrix] for part in parts]
        return zip(places, each_on_one_thread(solve, parts), strict=True)

    def _triangles(
        self,
        batch: NeighborBatch,
        gaussians: Gaussians,
        extents: Extents,
        own: Integers,
        part: Packs,
    ) -> NDArray[np.floating[Any]]:
        """Compute matrices with torch in the layout of a part, which is sorted by size."""
        triangles, (places, strides) = part.full(0.0, self.dtype), part.places()
        ends = np.flatnonzero(np.diff(extents.sizes[own], append=0)) + 1
        for begin, end in pairwise([0, *ends]):
            index = own[begin:end]
            around = environments_of(batch, extents.sizes, index)
            tensors = self._tensors(around, gaussians, extents, index)
            matrices = self._matrices(*tensors).numpy()
            write_triangles(matrices, places[begin:end], strides[begin:end], triangles)
        return triangles

    def _solve_on_device(
        self, batch: NeighborBatch, gaussians: Gaussians, extents: Extents
    ) -> Iterator[tuple[Integers, NDArray[np.floating[Any]]]]:
        """Yield inequivalent atoms and their eigenvalues from torch on any device."""
        parts = list(by_size(extents.sizes * self._n_orbitals, 8 * STACKED))

        def solve(part: Integers) -> NDArray[np.floating[Any]]:
            around = environments_of(batch, extents.sizes, part)
            tensors = self._tensors(around, gaussians, extents, part)
            return np.asarray(eigenvalues(self._matrices(*tensors)).cpu().numpy())

        return zip(parts, each_on_one_thread(solve, parts), strict=True)

    def _write_from_blocks(
        self, features: NDArray[np.floating[Any]], blocks: Blocks, sizes: Integers
    ) -> None:
        """Write the sorted eigenvalues of all blocks of each environment."""
        if not len(blocks.size):
            return
        # Eigenvalues of an environment's blocks are consecutive.
        begin = np.cumsum(blocks.size) - blocks.size
        values = np.empty(blocks.size.sum(), self.dtype)
        parts = list(pack(blocks.size).parts(PACKED))

        def solve(part: Packs) -> NDArray[np.floating[Any]]:
            triangles = blocks.triangles(part, self.dtype)
            return packed_eigenvalues(triangles, part, blocks.size[part.matrix])

        for part, found in zip(parts, each_on_one_thread(solve, parts), strict=True):
            column = np.arange(found.shape[1])
            inside = column < blocks.size[part.matrix][:, None]
            values[(begin[part.matrix][:, None] + column)[inside]] = found[inside]
        own, first = np.unique(blocks.center, return_index=True)
        for n in np.unique(sizes[own]):
            equal = sizes[own] == n
            merged = values[begin[first[equal]][:, None] + np.arange(n)]
            merged.sort(axis=1)
            features[own[equal], :n] = merged[:, ::-1][:, : features.shape[1]]

    def differentiable_features(
        self, batch: NeighborBatch, vectors: torch.Tensor
    ) -> torch.Tensor:
        """Compute the features for autograd; see `derivatives` for degenerate ones."""
        gaussians = self._gaussians(batch)
        extents = self._extents(batch)
        width, with_gradient = self._width(extents.sizes), torch.is_grad_enabled()
        extents = with_rim(batch, extents, self.cutoff)
        parts = list(by_size(extents.sizes * self._n_orbitals, STACKED))

        def describe(part: Integers) -> torch.Tensor:
            environments = environments_of(batch, extents.sizes, part)
            with torch.set_grad_enabled(with_gradient):
                pairs = environments.pairs
                chosen = vectors.index_select(0, torch.as_tensor(pairs.reshape(-1)))
                # The center is the first point, at the origin.
                points = pad(chosen.view(*pairs.shape, 3), (0, 0, 1, 0))
                widths = gaussians.width[gaussians.species[environments.atoms]]
                cutoffs = self._cutoffs(points, environments, extents, part)
                values = self._features(points, points.new_tensor(widths), cutoffs, width)
                return pad(values, (0, width - values.shape[1]))

        features = torch.cat(list(each_on_one_thread(describe, parts)))
        return features[torch.as_tensor(np.argsort(np.concatenate(parts)))]

    @own_torch_state()
    def derivatives(self, structure: AtomsLike) -> NDArray[np.floating[Any]]:
        """Compute the derivatives of all features, [n_atoms, n_features, n_atoms, 3].

        All features of a degenerate set have the average of their derivatives, because the
        derivative of a single one is not defined.
        """
        batch = neighbor_batch([to_atoms(structure)], self.cutoff, symmetry=False)
        gaussians, n_atoms = self._gaussians(batch), len(batch.numbers)
        extents = self._extents(batch)
        n_features = self._width(extents.sizes)
        extents = with_rim(batch, extents, self.cutoff)
        parts = list(by_size(extents.sizes * self._n_orbitals, STACKED))
        out = np.zeros((n_atoms, n_features, n_atoms, 3), self.dtype)

        def slopes(index: Integers) -> tuple[Integers, list[NDArray[np.floating[Any]]]]:
            around = environments_of(batch, extents.sizes, index)
            points, widths, _ = self._tensors(around, gaussians, extents, index)
            points.requires_grad_()
            with torch.enable_grad():
                cutoffs = self._cutoffs(points, around, extents, index)
                values = self._features(points, widths, cutoffs, n_features)
            gradients = (
                torch.autograd.grad(feature.sum(), points, retain_graph=True)[0]
                for feature in values.T  # small environments have few
            )
            return around.atoms, [gradient.cpu().numpy() for gradient in gradients]

        found = each_on_one_thread(slopes, parts)
        for index, (atoms, gradients) in zip(parts, found, strict=True):
            for f, slope in enumerate(gradients):
                np.add.at(out[:, f], (index[:, None], atoms), slope)
                # Points are relative to the center.
                np.subtract.at(out[:, f], (index, index), slope.sum(axis=1))
        return out

    @own_torch_state()
    def matrix(self, structure: AtomsLike, atom: int) -> OverlapMatrix:
        """Compute the matrix of one atom; rows are sorted by distance from it."""
        batch = neighbor_batch([to_atoms(structure)], self.cutoff, symmetry=False)
        if not 0 <= atom < len(batch.numbers):
            raise SettingError(
                f"the structure has {len(batch.numbers)} atoms and no atom {atom}"
            )
        extents, index = self._extents(batch), np.array([atom])
        around = environments_of(batch, extents.sizes, index)
        tensors = self._tensors(around, self._gaussians(batch), extents, index)
        return OverlapMatrix(
            self._matrices(*tensors)[0].cpu().numpy(),
            batch.numbers[around.atoms[0]],
            np.linalg.norm(around.points[0], axis=1),
        )

    def with_precision(self, dtype: str) -> GOM:
        """Return a copy with another `dtype`."""
        return replace(self, dtype=dtype)  # type: ignore[arg-type]

    def _extents(self, batch: NeighborBatch) -> Extents:
        return environment_extents(batch, self.cutoff, self.max_atoms)

    def _width(self, sizes: Integers) -> int:
        """Number of features of environments of these sizes."""
        if self.n_eigenvalues is not None:
            return self.n_eigenvalues
        return int(sizes.max()) * self._n_orbitals

    def _matrices(
        self, points: torch.Tensor, widths: torch.Tensor, cutoffs: float | torch.Tensor
    ) -> torch.Tensor:
        return overlap_matrices(
            points, widths, cutoff=cutoffs, orbitals=self.orbitals,
            exponent=self.damping_exponent,
        )  # fmt: skip

    def _features(
        self,
        points: torch.Tensor,
        widths: torch.Tensor,
        cutoffs: float | torch.Tensor,
        width: int,
    ) -> torch.Tensor:
        """Compute at most `width` features of environments of one size."""
        values = eigenvalues(self._matrices(points, widths, cutoffs))[:, :width]
        if self.normalize:
            values = torch.where(values.abs() < NEGLIGIBLE, 0.0, values)
            values = values / torch.linalg.norm(values, dim=1, keepdim=True)
        return values

    def _tensors(
        self, part: Environments, gaussians: Gaussians, extents: Extents, index: Integers
    ) -> tuple[torch.Tensor, torch.Tensor, float | torch.Tensor]:
        """Points, widths and cutoffs of environments of one size, on the device."""
        widths = gaussians.width[gaussians.species[part.atoms]]
        kind: dict[str, Any] = {"dtype": getattr(torch, self.dtype), "device": self.device}
        points = torch.as_tensor(part.points, **kind)
        cutoffs = self._cutoffs(points, part, extents, index)
        return points, torch.as_tensor(widths, **kind), cutoffs

    def _cutoffs(
        self, points: torch.Tensor, part: Environments, extents: Extents, index: Integers
    ) -> float | torch.Tensor:
        """Cutoffs of environments of one size, which may move with the points."""
        own = extents.cutoffs[index, None]
        if (own == self.cutoff).all():
            return self.cutoff
        cutoffs = torch.as_tensor(own, device=points.device)
        distances = cutoffs.new_tensor(np.linalg.norm(part.points, axis=-1))
        return moving_cutoffs(points, distances, cutoffs, RIM)

    @staticmethod
    def _gaussians(batch: NeighborBatch) -> Gaussians:
        """Return the Gaussians of all atoms, whose widths are the covalent radii."""
        radii = covalent_radii()
        check_elements(batch, np.isfinite(radii), "covalent radius in the GOM table")
        elements, species = np.unique(batch.numbers, return_inverse=True)
        return Gaussians(species, radii[elements])
