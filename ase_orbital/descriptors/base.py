"""The interface of all descriptors."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import asdict, is_dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from ase_orbital.descriptors.naming import class_named, name_of
from ase_orbital.descriptors.pooling import check_pool, pooled, pooled_names
from ase_orbital.elements import require
from ase_orbital.errors import ModelError, SettingError
from ase_orbital.neighbors.batch import neighbor_batch
from ase_orbital.numerics.processes import map_in_processes
from ase_orbital.numerics.threads import chunks_by_size
from ase_orbital.structure import digest, to_atoms, to_atoms_many

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Self

    from ase import Atoms
    from numpy.typing import NDArray
    from torch import Tensor

    from ase_orbital.neighbors.batch import NeighborBatch
    from ase_orbital.structure import AtomsLike

Precision = Literal["float32", "float64"]
Pool = Literal["mean", "sum", "max", "std"]

# Far above what helps; a mistaken setting would end in an error of the memory.
MOST_FEATURES = 100_000
COMPUTATION = ("dtype", "device")  # settings that do not change what is computed


class Descriptor(ABC):
    """Features of each atom of a structure.

    A concrete descriptor is immutable, most simply a frozen dataclass, so that it can be
    compared, used as a key, shared between threads and sent to other processes.

    Attributes
    ----------
    dtype
        Precision of the features, "float32" or "float64".
    cutoff
        `features` needs all pairs up to this distance. Å. With 0.0 it needs none.
    differentiable
        Whether the features have derivatives with respect to positions.
    match_tolerance
        Default for the largest difference of structures that count as one, as a fraction of
        their fingerprints' length.
    """

    dtype: Precision = "float64"
    cutoff: float = 0.0
    differentiable: bool = False
    match_tolerance: ClassVar[float] = 0.0075
    _max_atoms: ClassVar[int] = 8192  # described at a time, to limit the memory

    @property
    @abstractmethod
    def n_features(self) -> int | None:
        """Number of features of an atom; None where it depends on the structure."""

    @abstractmethod
    def features(self, batch: NeighborBatch) -> NDArray[np.floating[Any]]:
        """Compute the features of the first atom of each class of equivalent atoms.

        Parameters
        ----------
        batch
            At least one structure, with all pairs up to `cutoff`.

        Returns
        -------
        [n_inequivalent, n_features]
            In the order of `batch.representative`. If the number of features depends on
            the structure, rows are padded with zeros.
        """

    def lengths(self, batch: NeighborBatch) -> NDArray[np.int64]:
        """Count the features of each structure where `n_features` is None.

        Returns
        -------
        [n_structures, n_blocks]
            The columns of `features` are consecutive blocks. Each is as wide as the largest
            number of features that a structure has in it.
        """
        return np.full((len(batch.cells), 1), self.n_features)

    def differentiable_features(self, batch: NeighborBatch, vectors: Tensor) -> Tensor:
        """Compute the features as a function of the vectors to neighbors, for autograd.

        Without a `cutoff`, this returns features that do not depend on positions.

        Parameters
        ----------
        batch
            Searched without symmetry.
        vectors : [n_pairs, 3]
            `batch.vector` as a tensor. Å.

        Returns
        -------
        [n_atoms, n_features]
            In the precision of the vectors.

        Raises
        ------
        SettingError
            If the descriptor has no derivatives.
        """
        self.check_differentiable()
        if self.cutoff:
            raise NotImplementedError(
                f"{type(self).__name__} lacks differentiable_features"
            )
        return vectors.new_tensor(self.features(batch))

    def check_differentiable(self) -> None:
        """Raise SettingError if the descriptor has no derivatives."""
        if not self.differentiable:
            raise SettingError(
                f"{type(self).__name__} has no derivatives with respect to positions"
            )

    def derivatives(self, structure: AtomsLike) -> NDArray[np.floating[Any]]:
        """Compute the derivatives of all features with respect to all positions.

        Returns
        -------
        [n_atoms, n_features, n_atoms, 3]
            Described atom, feature, moved atom, direction. 1/Å. An atom moves with all its
            periodic images.

        Raises
        ------
        StructureError, ElementError
            As for `create`.
        SettingError
            If the descriptor has no derivatives.
        """
        from ase_orbital.numerics.torch_state import own_torch_state  # imports torch

        with own_torch_state():
            return self._derivatives(structure)

    def _derivatives(self, structure: AtomsLike) -> NDArray[np.floating[Any]]:
        import torch

        batch = neighbor_batch([to_atoms(structure)], self.cutoff, symmetry=False)
        kind = getattr(torch, self.dtype)
        vectors = torch.tensor(batch.vector, dtype=kind, requires_grad=True)
        features = self.differentiable_features(batch, vectors)
        n_atoms, n_features = features.shape
        out = torch.zeros(n_features, n_atoms * n_atoms, 3, dtype=kind)
        center, neighbor = torch.tensor(batch.center), torch.tensor(batch.neighbor)
        for f in range(n_features if features.requires_grad else 0):
            column = features[:, f].sum()
            (slope,) = torch.autograd.grad(column, vectors, retain_graph=True)
            # A vector is the position of the neighbor minus that of the center.
            out[f].index_add_(0, center * n_atoms + neighbor, slope)
            out[f].index_add_(0, center * (n_atoms + 1), slope, alpha=-1)
        out = out.view(n_features, n_atoms, n_atoms, 3).transpose(0, 1)
        return np.asarray(out.contiguous().numpy())

    def with_precision(self, dtype: str) -> Self:  # noqa: ARG002
        """Return a copy with another `dtype`, or itself if it has no such setting."""
        return self

    def compact(self, features: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
        """Shorten [n_atoms, n_features] but keep distances between atoms of one element."""
        return features

    def feature_names(
        self, pool: Pool | None = None, elements: Sequence[str] | None = None
    ) -> list[str]:
        """Name each column of `create` with the same arguments.

        Raises
        ------
        SettingError
            If the number of features depends on the structure, or an argument is invalid.
        """
        check_pool(pool, elements)
        if self.n_features is None:
            raise SettingError(
                f"the features of {self} have no names, because their number depends on "
                "the structure; give GOM n_eigenvalues"
            )
        return pooled_names(self._names(), pool, elements)

    def _names(self) -> list[str]:
        """Name the features of an atom where `n_features` is fixed."""
        return [f"feature {index}" for index in range(self.n_features or 0)]

    def create(
        self,
        structure: AtomsLike,
        *,
        pool: Pool | None = None,
        elements: Sequence[str] | None = None,
    ) -> NDArray[np.floating[Any]]:
        """Describe one structure.

        Parameters
        ----------
        structure
            `ase.Atoms`, a pymatgen `Structure` or `Molecule`, or the path of a file.
        pool
            "mean", "sum", "max" or "std" to reduce the features of all atoms to those of
            the structure.
        elements
            With `pool`: symbols of elements whose atoms are pooled separately, and are zero
            where there are none.

        Returns
        -------
        [n_atoms, n_features], or [n_features] or [n_elements * n_features] with `pool`
            In the order of the atoms, or of the elements.

        Raises
        ------
        StructureError
            If the structure is empty, not finite, disordered, or has coincident atoms.
        ElementError
            If a table that this descriptor needs does not cover an element.
        SettingError
            If `pool` or `elements` is invalid.
        """
        check_pool(pool, elements)
        atoms = to_atoms(structure)
        features = self._describe([atoms])[0]
        return features if pool is None else pooled(features, atoms.numbers, pool, elements)

    def create_many(
        self,
        structures: Iterable[AtomsLike],
        workers: int = 1,
        *,
        pool: Pool | None = None,
        elements: Sequence[str] | None = None,
    ) -> list[NDArray[np.floating[Any]]]:
        """Describe many structures.

        Parameters
        ----------
        structures
            Anything that `create` takes.
        workers
            Number of processes. Starting them takes some seconds, and a script that uses
            them needs `if __name__ == "__main__":`.
        pool, elements
            As for `create`.

        Returns
        -------
        list of [n_atoms, n_features], or of [n_features] with `pool`
            In input order.

        Raises
        ------
        StructureError, ElementError
            As for `create`, with a note that names the structure.
        SettingError
            If `workers` is below 1, or another argument is invalid.
        """
        if workers < 1:
            raise SettingError(f"workers must be at least 1, not {workers}")
        check_pool(pool, elements)
        atoms = to_atoms_many(structures)
        features = self._describe_in_processes(atoms, workers)
        if pool is None:
            return features
        return [
            pooled(own, structure.numbers, pool, elements)
            for own, structure in zip(features, atoms, strict=True)
        ]

    def _describe_in_processes(
        self, atoms: list[Atoms], workers: int
    ) -> list[NDArray[np.floating[Any]]]:
        if workers == 1 or len(atoms) < 2 * workers:
            return self._describe(atoms)
        share = -(-len(atoms) // workers)
        parts = [atoms[start : start + share] for start in range(0, len(atoms), share)]
        described = map_in_processes(self._describe, parts, workers)
        return [one for many in described for one in many]

    def _describe(self, structures: list[Atoms]) -> list[NDArray[np.floating[Any]]]:
        """Describe all atoms; equal structures are computed once."""
        names = [digest(atoms) for atoms in structures]
        once = dict(zip(names, structures, strict=True))
        sizes = [len(atoms) for atoms in once.values()]
        found: list[NDArray[np.floating[Any]]] = []
        for part in chunks_by_size(list(once.values()), sizes, self._max_atoms):
            batch = neighbor_batch(part, self.cutoff, self.dtype)
            found += self._split(batch, self.features(batch))
        if len(found) == len(names):
            return found
        described = dict(zip(once, found, strict=True))
        return [described[name].copy() for name in names]

    def _split(
        self, batch: NeighborBatch, features: NDArray[np.floating[Any]]
    ) -> list[NDArray[np.floating[Any]]]:
        """Return the features of all atoms of each structure, as separate arrays."""
        ends, index = batch.first_atom.tolist(), batch.inequivalent_index
        whole = features if features.base is None else features.base
        if len(ends) == 2 and len(features) == ends[-1] and whole.nbytes == features.nbytes:
            return [features]  # copying large arrays takes as long as computing them
        atoms = [features[index[begin:end]] for begin, end in pairwise(ends)]
        if len(atoms) == 1 or self.n_features is not None:
            return atoms
        lengths = self.lengths(batch)
        widths = lengths.max(axis=0)
        column = np.arange(widths.sum()) - np.repeat(np.cumsum(widths) - widths, widths)
        return [
            one[:, column < np.repeat(own, widths)]
            for one, own in zip(atoms, lengths, strict=True)
        ]

    def to_settings(self) -> dict[str, Any]:
        """Return name and settings, without precision and device, as JSON values.

        Raises
        ------
        ModelError
            If the class cannot be found by its name, or is not a dataclass.
        """
        return {"name": name_of(type(self))} | self._settings()

    def _settings(self) -> dict[str, Any]:
        if not is_dataclass(self) or isinstance(self, type):
            raise ModelError(
                f"the settings of {type(self).__name__} are not known; make it a dataclass"
            )
        return {
            name: value.item() if isinstance(value, np.generic) else value
            for name, value in asdict(self).items()
            if name not in COMPUTATION
        }

    @classmethod
    def _from_values(cls, values: dict[str, Any]) -> Descriptor:
        return cls(**values)

    @staticmethod
    def from_settings(settings: dict[str, Any]) -> Descriptor:
        """Make a descriptor from the result of `to_settings`.

        Import the class of another package first: settings may come from a file, so they
        never import modules.

        Raises
        ------
        ModelError
            If the class or a setting is unknown.
        """
        values = dict(settings)
        name = values.pop("name", None)
        kind: type[Descriptor] = class_named(name, Descriptor)
        try:
            return kind._from_values(values)
        except ModelError:
            raise
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(
                f"descriptor {name} does not have these settings: {error}"
            ) from error


def check_elements(batch: NeighborBatch, known: NDArray[np.bool_], entry: str) -> None:
    """Raise ElementError unless a table covers all elements; see `elements.require`."""
    if batch.numbers.max() < len(known) and known[batch.numbers].all():
        return
    for numbers in np.split(batch.numbers, batch.first_atom[1:-1]):
        require(numbers, known, entry)  # counts the atoms of one structure
