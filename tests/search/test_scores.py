"""Scores against the values they are made of, and niches, with ase_ga's populations."""

import math

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase_ga import get_raw_score
from ase_ga.data import DataConnection, PrepareDB
from ase_ga.population import (
    FitnessSharingPopulation,
    MultiObjectivePopulation,
    RankFitnessPopulation,
)

from ase_orbital.errors import ElementError, SettingError
from ase_orbital.search import (
    NICHE,
    Archive,
    AtLeast,
    AtMost,
    GOMComparator,
    Maximize,
    Minimize,
    Niches,
    Score,
    Target,
)


@pytest.fixture
def crystals():
    """Six volumes of each of two structures."""
    volumes = np.linspace(10.0, 15.0, 6)
    fcc = [bulk("Cu", "fcc", a=(4 * volume) ** (1 / 3)) for volume in volumes]
    return fcc + [bulk("Cu", "bcc", a=(2 * volume) ** (1 / 3)) for volume in volumes]


def database(path, structures):
    """All of them relaxed candidates, as a search leaves them."""
    PrepareDB(path, simulation_cell=Atoms(pbc=True), population_size=4)
    data = DataConnection(path)
    for atoms in structures:
        data.add_relaxed_candidate(atoms)
    return data


@pytest.mark.parametrize(
    ("term", "expected"),
    [
        (Maximize("band_gap"), lambda value: value),
        (Maximize("band_gap", weight=2.0), lambda value: 2.0 * value),
        (Minimize("band_gap", 3.0), lambda value: -3.0 * value),
        (Target("band_gap", 1.5), lambda value: -abs(value - 1.5)),
        (AtMost("band_gap", 1e3), lambda _: 0.0),
        (AtMost("band_gap", -1e3, 10.0), lambda value: -10.0 * (1.0 + value + 1e3)),
        (AtLeast("band_gap", -1e3), lambda _: 0.0),
        (AtLeast("band_gap", 1e3, 10.0), lambda value: -10.0 * (1.0 + 1e3 - value)),
    ],
)
def test_the_score_of_each_term_is_its_formula(predictor, term, expected):
    atoms = bulk("Cu")
    value = predictor.predict(atoms)["band_gap"]
    assert Score(predictor, [term])(atoms) == pytest.approx(expected(value))


def test_a_score_is_the_sum_of_its_terms(predictor):
    atoms = bulk("Cu")
    values = predictor.predict(atoms)
    terms = [Maximize("bulk_modulus", 0.1), Target("band_gap", 2.0, 5.0)]
    expected = 0.1 * values["bulk_modulus"] - 5.0 * abs(values["band_gap"] - 2.0)
    assert Score(predictor, terms)(atoms) == pytest.approx(expected)


def test_what_is_written_is_where_ase_ga_looks(predictor):
    atoms = bulk("Cu")
    atoms.info["key_value_pairs"] = {"origin": "random"}
    score = Score(
        predictor, [Maximize("bulk_modulus"), Minimize("energy")], given=["energy"]
    )
    found = score.annotate(atoms, energy=-3.5)
    values = predictor.predict(atoms)
    assert found == get_raw_score(atoms) == pytest.approx(values["bulk_modulus"] + 3.5)
    assert atoms.info["key_value_pairs"] == {
        "origin": "random",
        "raw_score": found,
        "orbital_band_gap": values["band_gap"],
        "orbital_bulk_modulus": values["bulk_modulus"],
        "orbital_energy": -3.5,
        "orbital_bulk_modulus_maximize": values["bulk_modulus"],
        "orbital_energy_minimize": 3.5,
    }
    assert atoms.info["data"] == {}


def test_to_ask_writes_nothing(predictor):
    atoms = bulk("Cu")
    Score(predictor, [Maximize("band_gap")])(atoms)
    assert atoms.info == {}


def test_many_at_once_are_as_one_by_one(predictor, crystals):
    score = Score(
        predictor, [Maximize("bulk_modulus"), Minimize("energy")], given=["energy"]
    )
    energies = np.arange(12.0)
    found = score.annotate_many(crystals, [{"energy": energy} for energy in energies])
    for atoms, energy, value in zip(crystals, energies, found, strict=True):
        assert get_raw_score(atoms) == value
        assert value == pytest.approx(score(atoms, energy=energy), rel=1e-5)


def test_a_pareto_front_is_found_over_the_terms(predictor, crystals, tmp_path):
    score = Score(predictor, [Maximize("band_gap"), Minimize("bulk_modulus")])
    score.annotate_many(crystals)
    data = database(str(tmp_path / "search.db"), crystals)
    population = MultiObjectivePopulation(
        data, 4, abs_data=score.keys, comparator=GOMComparator()
    )
    population.update()
    parts = np.array([[atoms.info["key_value_pairs"][k] for k in score.keys]
                      for atoms in crystals])  # fmt: skip
    dominated = [bool(np.all(parts > part, axis=1).any()) for part in parts]
    front = {get_raw_score(atoms) for atoms, worse in zip(crystals, dominated, strict=True)
             if not worse}  # fmt: skip
    first = {get_raw_score(atoms) for atoms in population.pop[: len(front)]}
    assert first == front or first < front


def test_niches_are_groups_of_like_structures(crystals):
    niches = Niches(Archive(tolerance=0.1))
    numbers = [niches.number(atoms) for atoms in crystals]
    comparator = GOMComparator(tolerance=0.1)
    founders = {number: numbers.index(number) for number in numbers}
    assert 1 < len(founders) < len(crystals)
    for atoms, number in zip(crystals, numbers, strict=True):
        assert comparator.looks_like(atoms, crystals[founders[number]])
    assert [niches.number(atoms.copy()) for atoms in crystals[::-1]] == numbers[::-1]
    assert len(niches.archive) == len(founders)


def test_niches_are_the_same_after_a_break(crystals, tmp_path):
    niches = Niches(Archive(tolerance=0.1))
    numbers = [niches.annotate(atoms) for atoms in crystals]
    niches.archive.save(tmp_path / "niches.npz")
    resumed = Niches(Archive.load(tmp_path / "niches.npz"))
    founders = [numbers.index(number) for number in dict.fromkeys(numbers)]
    for index in founders:
        assert resumed.number(crystals[index]) == numbers[index]
    assert crystals[0].info["key_value_pairs"] == {NICHE: numbers[0]}


def test_members_of_a_niche_share_their_fitness(predictor, crystals, tmp_path):
    """By half for each pair, whatever the niches' numbers are."""
    niches = Niches(Archive(tolerance=0.1))
    score = Score(predictor, [Maximize("bulk_modulus")])
    for atoms in crystals:
        score.annotate(atoms)
        niches.annotate(atoms)
    data = database(str(tmp_path / "search.db"), crystals)
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


def test_ranks_within_niches(predictor, crystals, tmp_path):
    niches = Niches(Archive(tolerance=0.1))
    Score(predictor, [Maximize("bulk_modulus")]).annotate_many(crystals)
    data = database(str(tmp_path / "search.db"), crystals)
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


def test_misuse_is_explained(predictor):
    atoms = bulk("Cu")
    with pytest.raises(SettingError, match="the models have band_gap, bulk_modulus"):
        Score(predictor, [Maximize("hardness")])
    with pytest.raises(SettingError, match="at least one term"):
        Score(predictor, [])
    with pytest.raises(SettingError, match="two terms of one kind"):
        Score(predictor, [Maximize("band_gap"), Maximize("band_gap", 2.0)])
    with pytest.raises(SettingError, match="weight must be a number above 0"):
        Minimize("band_gap", -1.0)
    with pytest.raises(SettingError, match="penalty must be a number above 0"):
        AtMost("band_gap", 1.0, math.inf)
    score = Score(predictor, [Maximize("energy")], given=["energy"])
    with pytest.raises(SettingError, match="this score takes energy with each"):
        score(atoms)
    with pytest.raises(SettingError, match="1 given values do not fit 2 structures"):
        score.annotate_many([atoms, atoms], [{"energy": 1.0}])
    with pytest.raises(ElementError, match="Ni"):
        Score(predictor, [Maximize("band_gap")]).annotate(bulk("Ni"))
