"""A whole search with ase_ga's own parts: from atoms anywhere to the crystal nature chose.

Cu3Au is the example of an ordered alloy, L1_2: gold at the corners and copper on the faces
of a cube. EMT relaxes, and a model's formation energy says what is good.
"""

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.emt import EMT
from ase.filters import UnitCellFilter
from ase.optimize import BFGS
from ase.spacegroup import crystal
from ase_ga.cutandsplicepairing import CutAndSplicePairing
from ase_ga.data import DataConnection, PrepareDB
from ase_ga.offspring_creator import OperationSelector
from ase_ga.population import FitnessSharingPopulation
from ase_ga.standardmutations import RattleMutation, StrainMutation
from ase_ga.startgenerator import StartGenerator
from ase_ga.utilities import CellBounds

from ase_orbital import Predictor
from ase_orbital.search import (
    NICHE,
    Archive,
    AtLeast,
    GOMComparator,
    Minimize,
    Niches,
    Score,
)

ANGLES = {name: [35, 145] for name in ("phi", "chi", "psi")}
LENGTHS = {name: [2.2, 9] for name in "abc"}
BOUNDS = CellBounds({**ANGLES, **LENGTHS})
CLOSEST = dict.fromkeys([(29, 29), (29, 79), (79, 29), (79, 79)], 1.9)  # Å
NOTHING = Atoms(pbc=True)  # ase_ga's slab: there is none


def relax(atoms):
    atoms.calc = EMT()
    BFGS(UnitCellFilter(atoms), logfile=None, maxstep=0.1).run(fmax=0.05, steps=80)


def test_a_search_from_anywhere_finds_the_ordered_alloy(tmp_path):
    rng = np.random.RandomState(0)
    known = crystal(["Au", "Cu"], [(0, 0, 0), (0, 0.5, 0.5)], spacegroup=221,
                    cellpar=[3.7] * 3 + [90] * 3)  # fmt: skip
    relax(known)
    predictor = Predictor("eosnet-formation-energy-mp2018", device="cpu", domain=True)
    score = Score(
        predictor,
        [Minimize("formation_energy_per_atom"), AtLeast("in_domain", 1.0, penalty=0.1)],
    )
    niches = Niches(Archive(tolerance=0.05))
    comparator = GOMComparator()

    def evaluate(atoms):
        relax(atoms)
        score.annotate(atoms)
        niches.annotate(atoms)
        data.add_relaxed_step(atoms)

    path = str(tmp_path / "search.db")
    start = PrepareDB(path, simulation_cell=NOTHING, population_size=6)
    generator = StartGenerator(
        NOTHING, [("Cu", 3), ("Au", 1)], CLOSEST, box_volume=53.0, cellbounds=BOUNDS,
        number_of_variable_cell_vectors=3, test_too_far=False, rng=rng,
    )  # fmt: skip
    for _ in range(6):
        start.add_unrelaxed_candidate(generator.get_new_candidate())
    data = DataConnection(path)
    while data.get_number_of_unrelaxed_candidates():
        evaluate(data.get_an_unrelaxed_candidate())
    population = FitnessSharingPopulation(
        data, 6, comp_key=NICHE, threshold=1, comparator=comparator
    )
    population.rng = rng
    operators = OperationSelector(
        [4, 3, 3],
        [
            CutAndSplicePairing(
                NOTHING, 4, CLOSEST, number_of_variable_cell_vectors=3, cellbounds=BOUNDS,
                p1=1.0, p2=0.0, minfrac=0.15, rng=rng,
            ),
            StrainMutation(CLOSEST, cellbounds=BOUNDS, number_of_variable_cell_vectors=3,
                           stddev=0.4, rng=rng),
            RattleMutation(CLOSEST, 4, rattle_strength=2.0, test_dist_to_slab=False,
                           rng=rng),
        ],
        rng=rng,
    )  # fmt: skip
    for step in range(60):
        parents = population.get_two_candidates()
        child, description = operators.get_new_individual(parents)
        if child is None:
            continue
        data.add_unrelaxed_candidate(child, description)
        evaluate(child)
        population.update()
        if step >= 5 and comparator.looks_like(population.pop[0], known):
            break
    best = population.pop[0]
    assert comparator.looks_like(best, known)
    values = best.info["key_value_pairs"]
    assert values["raw_score"] == pytest.approx(score(best), abs=1e-5)
    # EMT's crystal is compressed to the limit of the domain, so `in_domain` may differ.
    energy = predictor.predict(known)["formation_energy_per_atom"]
    found = values["orbital_formation_energy_per_atom"]
    assert found == pytest.approx(energy, abs=0.002)
    members = population.get_current_population()
    assert not any(
        comparator.looks_like(one, other)
        for index, one in enumerate(members)
        for other in members[:index]
    )
