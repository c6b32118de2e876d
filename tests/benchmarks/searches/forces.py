"""Forces of a predicted formation energy against those of a potential."""

from __future__ import annotations

from dataclasses import dataclass, field
from time import process_time
from typing import TYPE_CHECKING, Any

import numpy as np
from ase.calculators.singlepoint import SinglePointCalculator

from ase_orbital import load_model
from ase_orbital.properties import FORMATION_ENERGY
from ase_orbital.search import Minimize, ObjectiveCalculator
from ase_orbital.training.distortions import rattled

from .search import Search
from .systems import SYSTEMS
from .variants import PLAIN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms

N_STRUCTURES = 3  # of each system and row
DISPLACEMENTS = (0.05, 0.1, 0.2)  # Å, of known ground states
RANDOM = "random candidates"


@dataclass
class Comparison:
    """Forces on the same atoms, eV/Å, and processor times for a structure, s."""

    potential: list[Any] = field(default_factory=list)
    model: list[Any] = field(default_factory=list)
    times: list[tuple[float, float]] = field(default_factory=list)

    def row(self, name: str) -> str:
        """Return a row of the table."""
        potential, model = np.concatenate(self.potential), np.concatenate(self.model)
        lengths = (np.linalg.norm(each, axis=1) for each in (potential, model))
        cosine = (potential * model).sum(1) / np.maximum(np.multiply(*lengths), 1e-9)
        slow, fast = np.median(self.times, axis=0)
        return (
            f"| {name} | {len(self.times)} | {np.abs(potential).mean():.2f} "
            f"| {np.abs(potential - model).mean():.2f} | {cosine.mean():.2f} "
            f"| {slow / fast:.1f} |"
        )


def structures(system: str) -> dict[str, list[Atoms]]:
    """Rattled ground states and random candidates of a system."""
    state = SYSTEMS[system].make_ground_state()
    random = np.random.default_rng(0)
    found = {
        f"rattled by {std} Å": [rattled(state, std, random) for _ in range(N_STRUCTURES)]
        for std in DISPLACEMENTS
    }
    state.calc = SinglePointCalculator(state, energy=0.0)
    formula = SYSTEMS[system].formula
    search = Search(formula, state, None, budget=0, variant=PLAIN, model="", seed=0)
    return found | {RANDOM: [search.generate() for _ in range(N_STRUCTURES)]}


def table(systems: Sequence[str], potential: Any, model: str) -> list[str]:
    """Compare the forces on structures of all systems."""
    network, rows = load_model(model), {}
    for system in systems:
        for row, every in structures(system).items():
            found = rows.setdefault(row, Comparison())
            for atoms in every:
                terms = [Minimize(FORMATION_ENERGY, weight=float(len(atoms)))]
                times = []
                for calculator, forces in (
                    (potential, found.potential),
                    (ObjectiveCalculator(network, terms), found.model),
                ):
                    atoms.calc = calculator
                    begin = process_time()
                    forces.append(atoms.get_forces())
                    times.append(process_time() - begin)
                found.times.append((times[0], times[1]))
    return [
        "| structures | number | mean force, eV/Å | mean absolute error, eV/Å "
        "| mean cosine | time of the potential / of the model |",
        "|---|---:|---:|---:|---:|---:|",
        *(found.row(row) for row, found in rows.items()),
    ]
