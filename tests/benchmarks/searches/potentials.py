"""Potentials that count their evaluations."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, ClassVar

from ase.calculators.calculator import Calculator, all_changes

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

            return CHGNetCalculator(use_device="cpu")
        if name == "emt":
            from ase.calculators.emt import EMT

            return EMT()
        from sevenn.calculator import SevenNetCalculator

        return SevenNetCalculator(name, device="cpu")
