"""Base class of calculators whose energy is differentiated by torch."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from ase.calculators.calculator import Calculator, all_changes
from ase.stress import full_3x3_to_voigt_6_stress

from ase_orbital.calculators.base import checked_base, known_to, offered_by
from ase_orbital.neighbors.batch import NeighborBatch, neighbor_batch
from ase_orbital.numerics.torch_state import own_torch_state
from ase_orbital.structure import to_atoms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms
    from numpy.typing import NDArray

STRESS = "stress"


class DifferentiableCalculator(Calculator):  # type: ignore[misc]  # ASE is only partly annotated
    """An ASE calculator whose energy is a function of the vectors between atoms.

    Parameters
    ----------
    base
        Calculator whose energy, forces and stress are added; None for none.

    Attributes
    ----------
    contributions : dict of float
        Contributions to the last energy, eV: that of this calculator under its
        `contribution`, and that of the base, if there is one, under "base".
    """

    contribution: ClassVar[str]
    results: dict[str, Any]

    def __init__(self, base: Calculator | None) -> None:
        super().__init__()
        self.base = checked_base(base)
        self.contributions: dict[str, float] = {}
        # A new list, because the one on the class is shared by all calculators.
        self.implemented_properties = [
            name
            for name in ("energy", "forces", STRESS)
            if base is None or name in offered_by(base)
        ]
        self.implemented_properties.append("free_energy")
        # ASE writes these into trajectories and databases as JSON.
        self.parameters: dict[str, Any] = {} if base is None else {"base": base.name}

    def __repr__(self) -> str:
        settings = (f"{name}={value}" for name, value in self.parameters.items())
        return f"{type(self).__name__}({', '.join(settings)})"

    def check_state(self, atoms: Atoms, tol: float = 1e-15) -> list[str]:
        """Changes since the last calculation, also that the base discarded its results."""
        changes: list[str] = super().check_state(atoms, tol)
        discarded = hasattr(self.base, "results") and not known_to(self.base, atoms)
        return changes or list(all_changes) * discarded

    @property
    @abstractmethod
    def cutoff(self) -> float:
        """Radius within which pairs of atoms are needed, Å."""

    @abstractmethod
    def energy(self, batch: NeighborBatch, vectors: torch.Tensor) -> torch.Tensor:
        """Compute the energy as a function of the vectors between atoms.

        Parameters
        ----------
        batch
            The structure with its pairs up to `cutoff`, without symmetry.
        vectors : [n_pairs, 3]
            `batch.vector` as a tensor in double precision. Å.

        Returns
        -------
        scalar tensor
            eV.
        """

    @own_torch_state()
    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: Sequence[str] = ("energy",),
        system_changes: Sequence[str] = tuple(all_changes),
    ) -> None:
        """Compute energy, forces and, in a periodic cell, stress.

        Raises
        ------
        StructureError, ElementError
            If the structure cannot be described.
        """
        super().calculate(atoms, properties, system_changes)
        crystal = to_atoms(self.atoms)
        batch = neighbor_batch([crystal], self.cutoff, symmetry=False)
        energy, gradient = self._energy_and_gradient(batch)
        forces, virial = forces_and_virial(batch, gradient)
        self.contributions = {self.contribution: energy}
        found = {"energy": energy, "free_energy": energy, "forces": forces}
        if crystal.cell.rank == 3:
            found[STRESS] = full_3x3_to_voigt_6_stress(virial / crystal.get_volume())
        if self.base is not None:
            self._add_base(self.base, found, crystal)
        self.results = found

    def _energy_and_gradient(
        self, batch: NeighborBatch
    ) -> tuple[float, NDArray[np.float64]]:
        """Energy (eV), and its derivatives by the vectors, [n_pairs, 3] (eV/Å)."""
        vectors = torch.tensor(batch.vector, requires_grad=True)
        energy = self.energy(batch, vectors)
        gradient = torch.zeros_like(vectors)
        if energy.requires_grad:  # the energy of an isolated atom depends on nothing
            (found,) = torch.autograd.grad(energy, vectors, allow_unused=True)
            gradient = gradient if found is None else found
        return float(energy.detach()), gradient.numpy()

    def _add_base(self, base: Calculator, found: dict[str, Any], atoms: Atoms) -> None:
        offered = offered_by(base)
        self.contributions["base"] = float(base.get_property("energy", atoms))
        for name in list(found):
            # The energy of a base stands for its free energy, if it has none.
            source = "energy" if name == "free_energy" and name not in offered else name
            if source in offered:
                found[name] = found[name] + base.get_property(source, atoms)
            else:
                del found[name]

    def todict(self, skip_default: bool = True) -> dict[str, Any]:  # noqa: ARG002  # ASE's
        """Settings, which ASE stores in files with the results."""
        return dict(self.parameters)


def forces_and_virial(
    batch: NeighborBatch, gradient: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Compute forces and virial of an energy that depends on the vectors between atoms.

    Parameters
    ----------
    batch
        One structure.
    gradient : [n_pairs, 3]
        Derivative of the energy with respect to `batch.vector`. eV/Å.

    Returns
    -------
    forces : [n_atoms, 3]
        eV/Å.
    virial : [3, 3]
        Derivative with respect to a strain that takes each vector v to v + v·strain. It is
        symmetric, because energies do not depend on rotations. The stress is the virial
        divided by the volume. eV.
    """
    n = len(batch.numbers)
    forces = [
        np.bincount(batch.center, slope, n) - np.bincount(batch.neighbor, slope, n)
        for slope in gradient.T
    ]
    virial = batch.vector.T @ gradient
    return np.stack(forces, axis=1), (virial + virial.T) / 2.0
