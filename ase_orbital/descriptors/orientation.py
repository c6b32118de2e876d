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

AT_ONCE = 64  # atoms; with 100 neighbors of each, all their harmonics are in the cache
MOST_ORDERS = 100  # a mistaken setting would end in an error of the memory
LEAST = 1e-12  # added to q^2, whose root would have no derivative at zero


@final
@dataclass(frozen=True, kw_only=True)
class OrientationalOrder(Descriptor):
    r"""Bond-orientational order parameters: angles between the neighbors of each atom.

    $q_l = \sqrt{\frac{4 \pi}{2 l + 1} \sum_m \left| \sum_j w_j \, Y_{lm}(j) \right|^2}$

    averages the spherical harmonics Y of all neighbors. By the addition theorem its square
    is also the average of the Legendre polynomial P_l of the angles between all pairs of
    neighbors. Weights are proportional to $r^{-p} (1 - r^2 / r_c^2)^2$ and add up to 1, so
    that q is a continuous function of the positions.

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
        check_whole("n_orders", self.n_orders, 1, MOST_ORDERS)
        check_cutoff("cutoff", self.cutoff)
        power = self.exponent
        if not (isinstance(power, int | float | np.number) and 0.0 <= power <= 100.0):
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
        orders: Floats = self._lengths(np, batch.vector[pair], known)
        return orders

    def differentiable_features(self, batch: NeighborBatch, vectors: Tensor) -> Tensor:
        """Compute q_l of all atoms for autograd, [n_atoms, n_orders]."""
        import torch

        pair, known = self._neighbors(batch, np.arange(len(batch.numbers)))
        vector = vectors[torch.tensor(pair)]
        features: Tensor = self._lengths(torch, vector, vectors.new_tensor(known))
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

    def _lengths(self, library: Any, vector: Any, known: Any) -> Any:
        """Compute q_l, [n_atoms, n_orders], with NumPy or torch.

        Vectors to the neighbors are [n_atoms, n_neighbors, 3]; unknown ones do not count.
        """
        distance = library.sqrt((vector**2).sum(-1))
        relative = distance / self.cutoff
        weight = known * relative**-self.exponent * (1.0 - relative**2) ** 2
        total = weight.sum(-1)[:, None]
        weight = weight / (total + (total == 0.0))
        direction = [vector[:, :, axis] / distance for axis in range(3)]
        squares = library.stack(self._squares(library, weight, *direction), 1)
        return library.sqrt(squares + LEAST) - LEAST**0.5

    def _squares(self, library: Any, weight: Any, x: Any, y: Any, z: Any) -> list[Any]:
        """Compute the squares of q_l, each [n_atoms], from weights and unit vectors.

        Arguments are [n_atoms, n_neighbors]. Y_lm is p_lm(z) (x + i y)^m, but for a factor,
        with the recurrences of the associated Legendre polynomials for p.
        """
        real, imaginary = [weight], [0.0 * weight]  # weight (x + i y)^m
        for _ in range(self.n_orders):
            a, b = real[-1], imaginary[-1]
            real.append(x * a - y * b)
            imaginary.append(x * b + y * a)
        powers = library.stack([library.stack(real), library.stack(imaginary)])
        one = library.ones_like(z)[None]
        before, now, last = one[:0], one, one  # p_lm for all m from 0 to l, and p_ll
        squares = []
        for order in range(1, self.n_orders + 1):
            last = last * ((2 * order - 1) / (2 * order)) ** 0.5
            m = np.arange(order - 1)[:, None, None]
            scale = 1.0 / np.sqrt(order**2 - m**2)
            forward = (2 * order - 1) * scale
            back = np.sqrt((order - 1) ** 2 - m**2) * scale
            if library is not np:
                forward, back = z.new_tensor(forward), z.new_tensor(back)
            recurrence = forward * (z * now[:-1]) - back * before
            second = (2 * order - 1) ** 0.5 * (z * now[-1:])  # p_{l, l-1}
            before, now = now, library.concatenate([recurrence, second, last])
            average = library.einsum("cman,man->cma", powers[:, : order + 1], now)
            square = (average**2).sum(0)
            squares.append(2.0 * square.sum(0) - square[0])  # m and -m
        return squares
