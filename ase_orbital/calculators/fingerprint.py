"""Calculator for relaxations to symmetric structures, or to a given one."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy.spatial.distance import cdist

from ase_orbital.calculators.differentiable import DifferentiableCalculator
from ase_orbital.descriptors.base import Descriptor
from ase_orbital.descriptors.gom import GOM
from ase_orbital.errors import SettingError, StructureError
from ase_orbital.similarity.distance import coupling
from ase_orbital.structure import to_atoms

if TYPE_CHECKING:
    from ase import Atoms
    from ase.calculators.calculator import Calculator
    from numpy.typing import NDArray

    from ase_orbital.neighbors.batch import NeighborBatch
    from ase_orbital.structure import AtomsLike

EQUAL = 1e-9  # fingerprints closer than this belong to equivalent atoms


class FingerprintCalculator(DifferentiableCalculator):
    r"""Energy, forces and stress from Gaussian overlap matrix fingerprints.

    Without a target the energy is the dispersion of the fingerprints within each species,

    $E = w \sum_i |x_i - \bar{x}_{s(i)}|^2$,

    which is zero if all atoms of a species have equal environments, so relaxations lead
    to symmetric structures. It is the energy of Tao, Shao & Zhu (arXiv:2401.13953), except
    that the sum over the pairs $|x_i - x_j|^2$ of a species is divided by the number of its
    atoms, so that the energy is proportional to the size of a supercell.

    With a target it is the squared distance from the fingerprints of the target,

    $E = w \sum_i |x_i - t_{a(i)}|^2$,

    with the best assignment a within each species, so relaxations lead to that crystal.

    Parameters
    ----------
    target
        Structure to relax to, in any of its cells and of the same composition. None to
        make the atoms of each species more similar to each other.
    descriptor
        Descriptor that gives the fingerprints x; None for `GOM()`. `GOM(orbitals="sp")`
        distinguishes more structures and is ten times as expensive.
    weight
        w, eV.
    base
        Calculator whose energy, forces and stress are added, such as a potential to find
        structures of both low energy and high symmetry. None for fingerprints alone.

    Attributes
    ----------
    contributions : dict of float
        Contributions to the last energy, eV: "fingerprint" and, if there is one, "base".

    Examples
    --------
    >>> atoms.calc = FingerprintCalculator()
    >>> FIRE(FrechetCellFilter(atoms, constant_volume=True)).run(fmax=1e-3)

    Notes
    -----
    Fingerprints alone do not keep a cell together: atoms far from each other all have the
    same, empty environment. Keep the volume constant, or add a base.

    The energy can have a kink where eigenvalues are degenerate, which is common in
    symmetric crystals, or where several assignments are equally good. There the forces and
    the stress are the mean over what symmetry makes equal: they have the full symmetry of
    the crystal, and are exact for displacements that keep it. If the target has a lower
    symmetry, such a kink is a ridge, and rounding errors suffice to leave it; use ASE's
    `FixSymmetry` to stay on it. Everywhere else forces and stress are exact.

    The energy is not continuous where an environment has more than the descriptor's
    `max_atoms` atoms.
    """

    contribution = "fingerprint"

    def __init__(
        self,
        target: AtomsLike | None = None,
        *,
        descriptor: Descriptor | None = None,
        weight: float = 1.0,
        base: Calculator | None = None,
    ) -> None:
        super().__init__(base)
        descriptor = GOM() if descriptor is None else descriptor
        if not isinstance(descriptor, Descriptor):
            raise SettingError(f"{descriptor!r} is not a descriptor, such as GOM()")
        descriptor.check_differentiable()
        if not 0.0 < weight < math.inf:
            raise SettingError(f"weight must be an energy in eV above 0, not {weight}")
        self.descriptor = descriptor
        self.weight = float(weight)
        self.target = None if target is None else to_atoms(target).copy()
        self._targets: dict[int, NDArray[np.float64]] = {}
        if self.target is not None:
            features = descriptor.create(self.target).astype(float)
            numbers = self.target.numbers
            self._targets = {int(z): features[numbers == z] for z in np.unique(numbers)}
        self.parameters |= {
            "descriptor": repr(descriptor),
            "weight": self.weight,
            "target": None if self.target is None else str(self.target.symbols),
        }

    @property
    def cutoff(self) -> float:
        """Cutoff of the fingerprints, Å."""
        return self.descriptor.cutoff

    def energy(self, batch: NeighborBatch, vectors: torch.Tensor) -> torch.Tensor:
        """Dispersion or squared distance, times `weight`; see the base class.

        Raises
        ------
        StructureError
            If the target has another composition.
        """
        features = self.descriptor.differentiable_features(batch, vectors)
        numbers = batch.numbers
        self._refuse_other_composition(self.atoms)
        energy = features.new_zeros(())
        for z in np.unique(numbers):
            alike = features[torch.as_tensor(np.flatnonzero(numbers == z))]
            if self.target is None:
                energy = energy + torch.square(alike - alike.mean(0)).sum()
            else:
                energy = energy + square_distance(alike, self._targets[int(z)])
        return self.weight * energy

    def _refuse_other_composition(self, atoms: Atoms) -> None:
        if self.target is None:
            return
        one, other = atoms.symbols, self.target.symbols
        if one.formula.reduce()[0] != other.formula.reduce()[0]:
            raise StructureError(
                f"the target {other} does not have the composition of {one}; give a target "
                "with the same reduced formula"
            )
        if not atoms.pbc.any() and len(atoms) != len(self.target):
            raise StructureError(
                f"the target has {len(self.target)} atoms and the molecule {len(atoms)}"
            )


def square_distance(features: torch.Tensor, targets: NDArray[np.float64]) -> torch.Tensor:
    """Squared distance of the features of one species from a target, best assigned.

    Parameters
    ----------
    features : [n, n_features]
    targets : [m, m_features]
        m may differ from n; both are repeated to the least common multiple.

    Returns
    -------
    scalar tensor
        Sum over the atoms. Equal features have equal gradients.
    """
    found = features.detach().numpy()
    width = max(found.shape[1], targets.shape[1])
    found = np.pad(found, ((0, 0), (0, width - found.shape[1])))
    targets = np.pad(targets, ((0, 0), (0, width - targets.shape[1])))
    ones = np.ones(len(found), np.int64), np.ones(len(targets), np.int64)
    shares = coupling(cdist(found, targets, "sqeuclidean"), *ones)
    shares = shares / shares.sum(axis=1, keepdims=True)
    # The assignments of equal features can be exchanged: use their mean for each.
    equal = (cdist(found, found) < EQUAL).astype(float)
    shares = (equal / equal.sum(axis=1, keepdims=True)) @ shares
    mean = shares @ targets
    # The sum of shares times squared distances, in terms of the mean target.
    rest = float((shares @ np.square(targets) - np.square(mean)).sum())
    padded = torch.nn.functional.pad(features, (0, width - features.shape[1]))
    return torch.square(padded - features.new_tensor(mean)).sum() + rest
