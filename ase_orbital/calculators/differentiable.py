"""Energies to walk on: functions of a structure with exact forces and stress."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

import torch
from ase.calculators.calculator import Calculator, all_changes
from ase.stress import full_3x3_to_voigt_6_stress

from ase_orbital.descriptors.gradients import forces_and_virial
from ase_orbital.errors import SettingError
from ase_orbital.neighbors.batch import Surroundings, survey
from ase_orbital.structure import to_atoms

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from ase import Atoms
    from numpy.typing import NDArray

STRESS = "stress"


class DifferentiableCalculator(Calculator):  # type: ignore[misc]  # ASE is only partly annotated
    """An ASE calculator whose energy depends on the vectors between atoms.

    Parameters
    ----------
    base
        A calculator whose energy, forces and stress are added; None for none.

    Attributes
    ----------
    parts : dict of float
        What the last energy is the sum of, eV: "own" and, if there is one, "base".
    """

    results: dict[str, Any]

    def __init__(self, base: Calculator | None) -> None:
        super().__init__()
        if not (base is None or hasattr(base, "get_property")):
            raise SettingError(f"base must be an ASE calculator, not {base!r}")
        self.base = base
        self.parts: dict[str, float] = {}
        # A new list: the one on the class is shared by every calculator.
        self.implemented_properties = [
            name
            for name in ("energy", "forces", STRESS)
            if base is None or name in base.implemented_properties
        ]
        self.implemented_properties.append("free_energy")
        # Written into trajectories and databases, so JSON values only.
        self.parameters: dict[str, Any] = {}
        if base is not None:
            self.parameters["base"] = base.name

    @property
    @abstractmethod
    def reach(self) -> float:
        """Radius within which pairs are wanted, Å."""

    @abstractmethod
    def differentiable_energy(
        self, around: Surroundings, vectors: torch.Tensor
    ) -> torch.Tensor:
        """Energy of a structure as a function of the vectors between its atoms.

        Parameters
        ----------
        around
            The structure, surveyed without symmetry up to `reach`.
        vectors : [n_pairs, 3]
            Those of `around.pairs`, Å, in double precision.

        Returns
        -------
        Tensor of no dimension
            eV.
        """

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: Sequence[str] = ("energy",),
        system_changes: Sequence[str] = tuple(all_changes),
    ) -> None:
        """Fill `results` with energy, forces and, where there is a volume, stress.

        Raises
        ------
        StructureError, ElementError
            If the structure cannot be described.
        """
        super().calculate(atoms, properties, system_changes)
        crystal = to_atoms(self.atoms)
        around = survey(crystal, self.reach, symmetry=False)
        energy, slopes = self._differentiated(around)
        forces, virial = forces_and_virial(around.pairs, slopes)
        self.parts = {"own": energy}
        found = {"energy": energy, "free_energy": energy, "forces": forces}
        if crystal.cell.rank == 3:
            found[STRESS] = full_3x3_to_voigt_6_stress(virial / crystal.get_volume())
        if self.base is not None:
            self._add_base(found, crystal)
        self.results = found

    def _differentiated(self, around: Surroundings) -> tuple[float, NDArray[np.float64]]:
        """Own energy (eV), and its derivative by the vectors, [n_pairs, 3] (eV/Å)."""
        vectors = torch.tensor(around.pairs.vector, requires_grad=True)
        with torch.enable_grad():
            energy = self.differentiable_energy(around, vectors)
        slopes = torch.zeros_like(vectors)
        if energy.requires_grad:  # a lone atom has no neighbors to depend on
            (found,) = torch.autograd.grad(energy, vectors, allow_unused=True)
            slopes = slopes if found is None else found
        return float(energy.detach()), slopes.numpy()

    def _add_base(self, found: dict[str, Any], atoms: Atoms) -> None:
        assert self.base is not None  # who calls has looked
        offered = self.base.implemented_properties
        self.parts["base"] = float(self.base.get_property("energy", atoms))
        for name in list(found):
            # Without a free energy of its own, the base's is its energy.
            source = "energy" if name == "free_energy" and name not in offered else name
            if source in offered:
                found[name] = found[name] + self.base.get_property(source, atoms)
            else:
                del found[name]

    def todict(self, skip_default: bool = True) -> dict[str, Any]:  # noqa: ARG002  # ASE's
        """Settings, for files that record how a value was made."""
        return dict(self.parameters)
