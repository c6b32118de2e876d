"""Potentials that count their evaluations."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from ase.calculators.calculator import Calculator, all_changes
from ase.units import GPa

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms

POTENTIALS = ("chgnet", "7net-0", "emt")
NEEDED = ["energy", "forces", "stress"]


class BudgetSpentError(Exception):
    """A run has used all its evaluations."""


class CountedPotential(Calculator):
    """Counts the evaluations of a potential, and refuses more than the budget."""

    implemented_properties: ClassVar = [*NEEDED, "free_energy"]

    def __init__(self, potential: Calculator, budget: int) -> None:
        super().__init__()
        self.potential = potential
        self.budget = budget
        self.evaluations = 0

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: Sequence[str] = tuple(NEEDED),
        system_changes: Sequence[str] = tuple(all_changes),
    ) -> None:
        super().calculate(atoms, properties, system_changes)
        if self.evaluations >= self.budget:
            raise BudgetSpentError
        self.evaluations += 1
        self.potential.calculate(self.atoms, NEEDED, list(all_changes))
        found = self.potential.results
        self.results = {name: found[name] for name in NEEDED}
        self.results["free_energy"] = found["energy"]


def load_potential(name: str) -> Any:
    """Load a calculator; "emt" is a toy for tests.

    Raises
    ------
    ImportError
        If its package is not installed.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the libraries below it
        if name == "chgnet":
            from chgnet.model.dynamics import CHGNetCalculator

            calculator = CHGNetCalculator(use_device="cpu")
            calculator.model.__class__ = _one_pass(type(calculator.model))
            return calculator
        if name == "emt":
            from ase.calculators.emt import EMT

            return EMT()
        from sevenn.calculator import SevenNetCalculator

        return SevenNetCalculator(name, device="cpu")


def _one_pass(network: type[Any]) -> type[Any]:
    """Return a CHGNet with forces and stress from one backward pass.

    CHGNet takes two, and keeps their graphs, which training needs. This takes about half
    the time.
    """

    class OnePass(network):  # type: ignore[misc]
        def _compute(self, graph: Any, **options: bool) -> dict[str, Any]:
            options |= {"compute_force": False, "compute_stress": False}
            found: dict[str, Any] = super()._compute(graph, **options)
            energy = found["e"] * (found["atoms_per_graph"] if self.is_intensive else 1)
            n_crystals = len(graph.atom_positions)
            variables = [*graph.atom_positions, *graph.strains]
            slopes = torch.autograd.grad(energy.sum(), variables)
            scales = 1.0 / GPa / graph.volumes
            found["e"] = found["e"].detach()
            found["f"] = [-slope for slope in slopes[:n_crystals]]
            found["s"] = [
                scale * slope
                for scale, slope in zip(scales, slopes[n_crystals:], strict=True)
            ]
            return found

    return OnePass
