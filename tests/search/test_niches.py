"""Niches: groups of similar structures, with ase_ga's populations."""

import math

import numpy as np
from ase_ga import get_raw_score
from ase_ga.population import FitnessSharingPopulation, RankFitnessPopulation

from ase_orbital.search import (
    NICHE,
    Archive,
    GOMComparator,
    Maximize,
    Niches,
    Score,
)


def test_niches_are_groups_of_similar_structures(crystals):
    niches = Niches(Archive(tolerance=0.1))
    numbers = [niches.number(atoms) for atoms in crystals]
    comparator = GOMComparator(tolerance=0.1)
    founders = {number: numbers.index(number) for number in numbers}
    assert 1 < len(founders) < len(crystals)
    for atoms, number in zip(crystals, numbers, strict=True):
        assert comparator.looks_like(atoms, crystals[founders[number]])
    assert [niches.number(atoms.copy()) for atoms in crystals[::-1]] == numbers[::-1]
    assert len(niches.archive) == len(founders)


def test_niches_are_the_same_in_a_loaded_archive(crystals, tmp_path):
    niches = Niches(Archive(tolerance=0.1))
    numbers = [niches.annotate(atoms) for atoms in crystals]
    niches.archive.save(tmp_path / "niches.npz")
    resumed = Niches(Archive.load(tmp_path / "niches.npz"))
    founders = [numbers.index(number) for number in dict.fromkeys(numbers)]
    for index in founders:
        assert resumed.number(crystals[index]) == numbers[index]
    assert crystals[0].info["key_value_pairs"] == {NICHE: numbers[0]}


def test_members_of_a_niche_share_their_fitness(predictor, crystals, database):
    """By half for each pair, whatever the niches' numbers are."""
    niches = Niches(Archive(tolerance=0.1))
    score = Score(predictor, [Maximize("bulk_modulus")])
    for atoms in crystals:
        score.annotate(atoms)
        niches.annotate(atoms)
    data = database(crystals)
    population = FitnessSharingPopulation(
        data, 12, comp_key=NICHE, threshold=1, comparator=GOMComparator()
    )
    shared = population.__get_fitness__(population.pop)
    scores = np.array([get_raw_score(atoms) for atoms in population.pop])
    kinds = [atoms.info["key_value_pairs"][NICHE] for atoms in population.pop]
    alone = 0.5 * (1 - np.tanh(2 * (scores - scores[0]) / (scores[-1] - scores[0]) - 1))
    sizes = np.array([kinds.count(kind) for kind in kinds])
    assert sizes.max() > 1
    np.testing.assert_allclose(shared, alone / sizes)


def test_structures_are_ranked_within_niches(predictor, crystals, database):
    niches = Niches(Archive(tolerance=0.1))
    Score(predictor, [Maximize("bulk_modulus")]).annotate_many(crystals)
    data = database(crystals)
    population = RankFitnessPopulation(
        data, 6, variable_function=niches.number, comparator=GOMComparator()
    )
    population.update()
    kinds = [niches.number(atoms) for atoms in population.pop]
    best = {}
    for atoms in crystals:
        number = niches.number(atoms)
        best[number] = max(best.get(number, -math.inf), get_raw_score(atoms))
    # The best of each niche are of the first rank.
    n_first = min(len(best), 6)
    assert len(set(kinds[:n_first])) == n_first
    assert {get_raw_score(atoms) for atoms in population.pop[:n_first]} <= set(
        best.values()
    )
