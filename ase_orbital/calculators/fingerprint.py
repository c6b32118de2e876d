"""Energies of fingerprints: towards symmetry, or towards another structure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy.spatial.distance import cdist

from ase_orbital.calculators.differentiable import DifferentiableCalculator
from ase_orbital.descriptors.gom import GOM
from ase_orbital.errors import SettingError, StructureError
from ase_orbital.similarity.distance import coupling
from ase_orbital.structure import to_atoms

if TYPE_CHECKING:
    from ase import Atoms
    from ase.calculators.calculator import Calculator
    from numpy.typing import NDArray

    from ase_orbital.neighbors.batch import Surroundings
    from ase_orbital.structure import AtomsLike

EQUAL = 1e-9  # rows nearer than this are those of equivalent atoms


class FingerprintCalculator(DifferentiableCalculator):
    r"""Energy, forces and stress from Gaussian overlap matrix fingerprints.

    Without a target the energy is the spread of the fingerprints within each species,

    $E = w \sum_i |x_i - \bar{x}_{s(i)}|^2$,

    which is zero where all atoms of a species have equal surroundings: relaxations go
    towards symmetry. It is the energy of Tao, Shao & Zhu (arXiv:2401.13953), but of each
    species' pairs $|x_i - x_j|^2$ the sum is divided by the number of its atoms, so that a
    supercell has its cell's energy times its size.

    With a target it is the squared distance of fingerprints from the target's,

    $E = w \sum_i |x_i - t_{a(i)}|^2$,

    with the best assignment a within each species: relaxations go towards that crystal.

    Parameters
    ----------
    target
        A structure to go to, in any of its cells: of the same composition. None to bring
        the atoms of each species nearer to each other.
    descriptor
        Gives the fingerprints x; None for `GOM()`. `GOM(orbitals="sp")` sees more, and
        costs ten times as much.
    weight
        w, eV.
    base
        A calculator whose energy, forces and stress are added: a potential, for what is
        both low and symmetric. None for fingerprints alone.

    Attributes
    ----------
    parts : dict of float
        What the last energy is the sum of, eV: "own" and, if there is one, "base".

    Examples
    --------
    >>> atoms.calc = FingerprintCalculator()
    >>> FIRE(FrechetCellFilter(atoms, constant_volume=True)).run(fmax=1e-3)

    Notes
    -----
    Fingerprints alone hold no cell together: far from each other all atoms have equal
    surroundings, namely none. Keep the volume, or add a base.

    Where eigenvalues are degenerate, in symmetric crystals above all, or several
    assignments are equally good, an energy can have a kink, and along what breaks the
    symmetry no slope.
    The one taken is the mean over what symmetry makes equal: forces and stress have all the
    symmetry of the crystal, and are exact along what keeps it. Where the target is of lower
    symmetry such a kink is a ridge, which rounding is enough to leave: to stay on it, use
    ASE's `FixSymmetry`. Elsewhere forces and stress are exact.

    Beyond the descriptor's `max_atoms` atoms in an environment the energy is not
    continuous.
    """

    def __init__(
        self,
        target: AtomsLike | None = None,
        *,
        descriptor: GOM | None = None,
        weight: float = 1.0,
        base: Calculator | None = None,
    ) -> None:
        super().__init__(base)
        descriptor = GOM() if descriptor is None else descriptor
        if not isinstance(descriptor, GOM):
            raise SettingError(f"the descriptor must be a GOM, not {descriptor!r}")
        if not 0.0 < weight < math.inf:
            raise SettingError(f"weight must be an energy in eV above 0, not {weight}")
        self.descriptor = descriptor
        self.weight = float(weight)
        self.target = None if target is None else to_atoms(target).copy()
        self._goals: dict[int, NDArray[np.float64]] = {}
        if self.target is not None:
            rows = descriptor.create(self.target).astype(float)
            numbers = self.target.numbers
            self._goals = {int(z): rows[numbers == z] for z in np.unique(numbers)}
        self.parameters |= {
            "descriptor": repr(descriptor),
            "weight": self.weight,
            "target": None if self.target is None else str(self.target.symbols),
        }

    @property
    def reach(self) -> float:
        """Cutoff of the fingerprints, Å."""
        return self.descriptor.cutoff

    def differentiable_energy(
        self, around: Surroundings, vectors: torch.Tensor
    ) -> torch.Tensor:
        """Dispersion or squared distance, times `weight`; see the base class.

        Raises
        ------
        StructureError
            If the target has another composition.
        """
        rows = self.descriptor.differentiable_features(around, vectors)
        numbers = around.atoms.numbers
        self._refuse_other_composition(around.atoms)
        energy = rows.new_zeros(())
        for z in np.unique(numbers):
            own = rows[torch.as_tensor(np.flatnonzero(numbers == z))]
            if self.target is None:
                energy = energy + torch.square(own - own.mean(0)).sum()
            else:
                energy = energy + square_distance(own, self._goals[int(z)])
        return self.weight * energy

    def _refuse_other_composition(self, atoms: Atoms) -> None:
        if self.target is None:
            return
        one, other = atoms.symbols, self.target.symbols
        if one.formula.reduce()[0] != other.formula.reduce()[0]:
            raise StructureError(
                f"the target is {other}, which is not of the composition of {one}; give a "
                "target in which the species have the same shares"
            )
        if not atoms.pbc.any() and len(atoms) != len(self.target):
            raise StructureError(
                f"the target has {len(self.target)} atoms and the molecule {len(atoms)}"
            )


def square_distance(rows: torch.Tensor, goals: NDArray[np.float64]) -> torch.Tensor:
    """Squared distance of the rows of one species from others, best assigned.

    Parameters
    ----------
    rows : [n, n_features]
    goals : [m, m_features]
        m may be any; either side is repeated to the least common multiple.

    Returns
    -------
    Tensor of no dimension
        Sum over the rows. Its gradient is the same for equal rows.
    """
    here = rows.detach().numpy()
    width = max(here.shape[1], goals.shape[1])
    here = np.pad(here, ((0, 0), (0, width - here.shape[1])))
    goals = np.pad(goals, ((0, 0), (0, width - goals.shape[1])))
    alone = np.ones(len(here), np.int64), np.ones(len(goals), np.int64)
    shares = coupling(cdist(here, goals, "sqeuclidean"), *alone)
    shares = shares / shares.sum(axis=1, keepdims=True)
    # What equal rows are assigned to may be exchanged: to each the mean of all.
    equal = (cdist(here, here) < EQUAL).astype(float)
    shares = (equal / equal.sum(axis=1, keepdims=True)) @ shares
    mean = shares @ goals
    # The sum over pairs of share times square, in terms of the mean goal.
    rest = float((shares @ np.square(goals) - np.square(mean)).sum())
    wanted = rows.new_tensor(mean)
    own = torch.nn.functional.pad(rows, (0, width - rows.shape[1]))
    return torch.square(own - wanted).sum() + rest
