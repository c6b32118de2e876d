"""Bond-orientational order parameters of each atom.

Source: Steinhardt, Nelson and Ronchetti, Phys. Rev. B 28, 784 (1983),
doi:10.1103/PhysRevB.28.784, with weights of the neighbors.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, final

import numpy as np

from ase_orbital.descriptors.base import Descriptor
from ase_orbital.errors import SettingError, check_whole
from ase_orbital.neighbors.batch import check_cutoff

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from ase_orbital.neighbors.batch import NeighborBatch

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

AT_ONCE = 64  # atoms; 100 neighbors of each make 5 MB for all pairs of neighbors
LEAST = 1e-12  # added to q^2, whose root would have no derivative at zero


@final
@dataclass(frozen=True, kw_only=True)
class OrientationalOrder(Descriptor):
    r"""Bond-orientational order parameters: angles between the neighbors of each atom.

    $q_l = \sqrt{\sum_{jk} w_j w_k \, P_l(\cos \theta_{jk})}$

    is a sum over all pairs of neighbors with the angle theta between them, with the
    Legendre polynomials P. By the addition theorem this is the length of the vector of
    averaged spherical harmonics, with which Steinhardt et al. define it. Weights are
    proportional to $r^{-p} (1 - r^2 / r_c^2)^2$ and add up to 1, so that q is a continuous
    function of the positions.

    Parameters
    ----------
    n_orders
        Largest l; the features are q_1 to this one.
    cutoff
        Radius r_c. Å.
    exponent
        Power p of the distance.

    Raises
    ------
    SettingError
        If a setting is invalid.
    """

    n_orders: int = 12
    cutoff: float = 6.0
    exponent: float = 8.0

    differentiable: ClassVar[bool] = True  # type: ignore[misc]

    def __post_init__(self) -> None:
        """Validate the settings."""
        check_whole("n_orders", self.n_orders, 1)
        check_cutoff("cutoff", self.cutoff)
        power = self.exponent
        if not (isinstance(power, int | float) and 0.0 <= power <= 100.0):
            raise SettingError(f"exponent must be a number from 0 to 100, not {power!r}")

    @property
    def n_features(self) -> int:
        """Number of orders."""
        return self.n_orders

    def features(self, batch: NeighborBatch) -> NDArray[np.floating[Any]]:
        """Compute q_l of inequivalent atoms, [n_inequivalent, n_orders]."""
        atoms = batch.representative
        parts = [
            self._orders(batch, atoms[start : start + AT_ONCE])
            for start in range(0, len(atoms), AT_ONCE)
        ]
        return np.concatenate(parts)

    def _orders(self, batch: NeighborBatch, atoms: Integers) -> Floats:
        pair, known = self._neighbors(batch, atoms)
        vector, distance = batch.vector[pair], batch.distance[pair]
        weight = known * self._weight(distance)
        share = weight / np.maximum(weight.sum(axis=1, keepdims=True), np.finfo(float).tiny)
        direction = vector / distance[:, :, None]
        cosine = direction @ direction.transpose(0, 2, 1)
        squared = np.maximum(np.stack(self._squares(share, cosine), axis=1), 0.0)
        return np.asarray(np.sqrt(squared + LEAST) - LEAST**0.5)

    def differentiable_features(self, batch: NeighborBatch, vectors: Tensor) -> Tensor:
        """Compute q_l of all atoms for autograd, [n_atoms, n_orders]."""
        import torch

        pair, known = self._neighbors(batch, np.arange(len(batch.numbers)))
        vector = vectors[torch.tensor(pair)]
        distance = torch.linalg.vector_norm(vector, dim=2)
        weight = vectors.new_tensor(known) * self._weight(distance)
        tiny = torch.finfo(vectors.dtype).tiny
        share = weight / weight.sum(dim=1, keepdim=True).clamp(min=tiny)
        direction = vector / distance[:, :, None]
        cosine = direction @ direction.transpose(1, 2)
        squared = torch.stack(self._squares(share, cosine), dim=1).clamp(min=0.0)
        features: Tensor = torch.sqrt(squared + LEAST) - LEAST**0.5
        return features

    def _names(self) -> list[str]:
        return [f"q{order}" for order in range(1, self.n_orders + 1)]

    def _neighbors(
        self, batch: NeighborBatch, atoms: Integers
    ) -> tuple[Integers, NDArray[np.bool_]]:
        """Return the pairs of some atoms within the cutoff, and which places have one.

        Both are [n_atoms, most neighbors]; places without a neighbor have any pair.
        """
        near = batch.distance < self.cutoff  # pairs are sorted by distance
        counts = np.bincount(batch.center[near], minlength=len(batch.numbers))[atoms]
        place = np.arange(counts.max(initial=0))
        known = place < counts[:, None]
        pair = np.where(known, batch.first_pair[atoms][:, None] + place, 0)
        return pair, known

    def _weight(self, distance: Any) -> Any:
        """Weights of neighbors, relative to each other, from distances in Å."""
        return (distance / self.cutoff) ** -self.exponent * (
            1.0 - (distance / self.cutoff) ** 2
        ) ** 2

    def _squares(self, share: Any, cosine: Any) -> list[Any]:
        """Average the Legendre polynomials, from P_1 on, over all pairs of neighbors.

        Arrays or tensors: shares are [n_atoms, n_neighbors] and cosines [n_atoms,
        n_neighbors, n_neighbors]; each square is [n_atoms].
        """
        squares = []
        before, now = 1.0, cosine
        for order in range(1, self.n_orders + 1):
            squares.append((share[:, None] @ now @ share[:, :, None])[:, 0, 0])
            after = (2 * order + 1) * cosine * now - order * before
            before, now = now, after / (order + 1)
        return squares
