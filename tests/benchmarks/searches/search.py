"""Random search, a genetic algorithm and basin hopping with a budget of evaluations."""

from __future__ import annotations

import time
from contextlib import suppress
from functools import partial
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase_ga import get_raw_score
from ase_ga.cutandsplicepairing import CutAndSplicePairing
from ase_ga.data import DataConnection, PrepareDB
from ase_ga.offspring_creator import OperationSelector
from ase_ga.population import Population
from ase_ga.standardmutations import RattleMutation, StrainMutation
from ase_ga.startgenerator import StartGenerator
from ase_ga.utilities import CellBounds, atoms_too_close, closest_distances_generator
from pymatgen.analysis.structure_matcher import StructureMatcher
from pymatgen.io.ase import AseAtomsAdaptor

from ase_orbital.errors import StructureError
from ase_orbital.search import Archive, GOMComparator

from .potentials import BudgetSpentError, CountedPotential
from .relaxation import relax
from .variants import ARCHIVE, Variant

if TYPE_CHECKING:
    from collections.abc import Callable

METHODS = ("random", "genetic", "hopping")
CLOSEST = 0.7  # smallest distance of two atoms, in sums of covalent radii
WITHIN = 0.01  # eV/atom above the known ground state
POPULATION = 5
TEMPERATURE = 0.05  # eV per atom, of basin hopping
DISPLACEMENT, STRAIN = 0.6, 0.15  # Å, of a hop
FEEDBACK = (1.1, 0.95)  # of the size of hops, after a known and after a new minimum


class FoundError(Exception):
    """The ground state is found."""


class Search:
    """One search of one seed.

    Parameters
    ----------
    formula
        Composition of the cell.
    known
        Known ground state, relaxed and with its energy.
    potential
        Calculator with energy, forces and stress.
    budget
        Largest number of evaluations.
    variant, model
        See `Variant`.
    """

    def __init__(
        self,
        formula: str,
        known: Atoms,
        potential: Any,
        *,
        budget: int,
        variant: str,
        model: str,
        seed: int,
    ) -> None:
        self.formula, self.n_atoms = Atoms(formula).symbols.formula, len(Atoms(formula))
        self.volume = known.get_volume() / len(known) * self.n_atoms
        self.potential = CountedPotential(potential, budget)
        self.known_energy = known.get_potential_energy() / len(known)
        self.known = AseAtomsAdaptor.get_structure(known)
        self.matcher = StructureMatcher()
        self.random = np.random.RandomState(seed)
        numbers = np.unique(known.numbers)
        self.closest = closest_distances_generator(numbers, CLOSEST)
        self.variant = Variant(variant, model, self.n_atoms, self.closest)
        self.archive = Archive() if variant == ARCHIVE else None
        angles = {name: [40, 140] for name in ("phi", "chi", "psi")}
        edges = {name: np.array([0.5, 2.5]) * self.volume ** (1 / 3) for name in "abc"}
        self.cells = {
            "cellbounds": CellBounds(angles | edges),
            "number_of_variable_cell_vectors": 3,
            "rng": self.random,
        }
        generator = StartGenerator(
            Atoms(pbc=True),
            list(self.formula.count().items()),
            self.closest,
            box_volume=self.volume,
            test_too_far=False,
            **self.cells,
        )
        self.generate: Callable[[], Atoms] = generator.get_new_candidate
        self.relaxations = self.stopped = 0
        self.lowest = np.inf

    def run(self, method: str) -> dict[str, float | bool]:
        """Search until the ground state is found or the budget is spent."""
        wall, processor = time.perf_counter(), time.process_time()
        found = False
        try:
            getattr(self, f"_{method}")()
        except FoundError:
            found = True
        except BudgetSpentError:
            pass
        return {
            "found": found,
            "evaluations": self.potential.evaluations,
            "relaxations": self.relaxations,
            "stopped": self.stopped,
            "lowest": round(float(self.lowest - self.known_energy), 4),
            "processor": round(time.process_time() - processor, 2),
            "wall": round(time.perf_counter() - wall, 2),
        }

    def _evaluate(self, propose: Callable[[], Atoms]) -> Atoms | None:
        """Relax a candidate; None if it led nowhere or to a known minimum."""
        atoms = self.variant.candidate(propose)
        known = None if self.archive is None else self._is_known
        stopped = relax(atoms, self.potential, known=known)
        self.relaxations += 1
        self.stopped += stopped
        if stopped:
            return None
        # Without the potential, which would evaluate it again.
        atoms.calc = SinglePointCalculator(atoms, energy=atoms.get_potential_energy())
        energy = atoms.get_potential_energy() / len(atoms)
        self.lowest = min(self.lowest, energy)
        if energy < self.known_energy + WITHIN:
            structure = AseAtomsAdaptor.get_structure(atoms)
            if self.matcher.fit(structure, self.known):
                raise FoundError
        if self.archive is not None:
            with suppress(StructureError):
                self.archive.add(atoms)
        return atoms

    def _is_known(self, atoms: Atoms) -> bool:
        with suppress(StructureError):  # atoms that meet across a skewed cell
            return self.archive.find(atoms) is not None
        return False

    def _random(self) -> None:
        while True:
            self._evaluate(self.generate)

    def _hopping(self) -> None:
        """Basin hopping of positions and cell; known minima make larger hops."""
        current = None
        while current is None:
            current = self._evaluate(self.generate)
        size = 1.0
        while True:
            atoms = self._evaluate(partial(self._hop, current, size))
            if self.archive is not None:
                size *= FEEDBACK[atoms is not None]
            if atoms is None:
                continue
            change = atoms.get_potential_energy() - current.get_potential_energy()
            if self.random.rand() < np.exp(-max(change, 0.0) / len(atoms) / TEMPERATURE):
                current = atoms

    def _hop(self, atoms: Atoms, size: float) -> Atoms:
        while True:
            copy = atoms.copy()
            strain = np.eye(3) + size * STRAIN * self.random.normal(size=(3, 3))
            copy.set_cell(copy.cell @ strain, scale_atoms=True)
            copy.positions += size * DISPLACEMENT * self.random.normal(size=(len(copy), 3))
            if np.linalg.det(strain) > 0.3 and not atoms_too_close(copy, self.closest):
                return copy
            size *= 0.98  # where nothing fits

    def _genetic(self) -> None:
        with TemporaryDirectory() as folder:
            self._evolve(f"{folder}/search.db")

    def _evolve(self, database: str) -> None:
        nothing = Atoms(pbc=True)
        PrepareDB(database, simulation_cell=nothing, population_size=POPULATION)
        data = DataConnection(database)
        size = 0
        while size < POPULATION:
            atoms = self._evaluate(self.generate)
            if atoms is not None:
                self._add(data, atoms)
                size += 1
        comparator = None if self.archive is None else GOMComparator()
        population = Population(data, POPULATION, comparator=comparator, rng=self.random)
        operators = OperationSelector(
            [4, 3, 3],
            [
                CutAndSplicePairing(
                    nothing,
                    self.n_atoms,
                    self.closest,
                    p1=1.0,
                    p2=0.0,
                    minfrac=0.15,
                    **self.cells,
                ),
                StrainMutation(self.closest, stddev=0.4, **self.cells),
                RattleMutation(
                    self.closest,
                    self.n_atoms,
                    rattle_strength=2.0,
                    test_dist_to_slab=False,
                    rng=self.random,
                ),
            ],
            rng=self.random,
        )

        def offspring() -> Atoms:
            if len({get_raw_score(atoms) for atoms in population.pop}) < 2:
                return self.generate()  # ase_ga selects by differences of scores
            while True:
                parents = population.get_two_candidates()
                child, _ = operators.get_new_individual(parents)
                if child is not None:
                    return child

        while True:
            atoms = self._evaluate(offspring)
            if atoms is not None:
                self._add(data, atoms)
                population.update()

    @staticmethod
    def _add(data: DataConnection, atoms: Atoms) -> None:
        score = -atoms.get_potential_energy()
        atoms.info = {"key_value_pairs": {"raw_score": score, "extinct": 0}, "data": {}}
        data.add_relaxed_candidate(atoms)
