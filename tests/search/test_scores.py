"""Scores against their terms, and with ase_ga's populations."""

import math

import numpy as np
import pytest
from ase.build import bulk
from ase_ga import get_raw_score
from ase_ga.population import (
    MultiObjectivePopulation,
)

from ase_orbital import Predictor
from ase_orbital.errors import ElementError, SettingError
from ase_orbital.search import (
    AtLeast,
    AtMost,
    GOMComparator,
    Maximize,
    Minimize,
    Score,
    Target,
)


def test_a_single_term_needs_no_list(predictor):
    atoms = bulk("Cu")
    alone = Score("eosnet-bulk-modulus-mp", Maximize("bulk_modulus"), inside_domain=True)
    listed = Score("eosnet-bulk-modulus-mp", [Maximize("bulk_modulus")], inside_domain=True)
    assert alone(atoms) == listed(atoms)
    with pytest.raises(SettingError, match="'x' is given twice"):
        Score(predictor, Maximize("x"), given=["x", "x"])


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


def test_annotations_are_where_ase_ga_reads_them(predictor):
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


def test_a_search_is_kept_in_the_domain_by_one_argument():
    inside, outside = bulk("Cu"), bulk("Cu", a=6.5)
    predictor = Predictor("eosnet-bulk-modulus-mp", domain=True)
    terms = [Maximize("bulk_modulus")]
    score = Score(predictor, terms, inside_domain=True)
    for atoms, penalty in ((inside, 0.0), (outside, 200.0)):
        value = predictor.predict(atoms)
        assert value["in_domain"] == (penalty == 0.0)
        assert score(atoms) == pytest.approx(value["bulk_modulus"] - penalty)
    assert Score("eosnet-bulk-modulus-mp", terms, inside_domain=True).predictor.domain
    assert not Score("eosnet-bulk-modulus-mp", terms).predictor.domain


def test_models_and_terms_are_shown(predictor):
    shown = repr(Score(predictor, [AtMost("band_gap", 1.0)]))
    assert shown == (
        "Score(['band_gap', 'bulk_modulus'], "
        "[AtMost(name='band_gap', limit=1.0, penalty=100.0)])"
    )


def test_computing_a_score_writes_nothing(predictor):
    atoms = bulk("Cu")
    Score(predictor, [Maximize("band_gap")])(atoms)
    assert atoms.info == {}


def test_many_structures_are_annotated_as_one_by_one(predictor, crystals):
    score = Score(
        predictor, [Maximize("bulk_modulus"), Minimize("energy")], given=["energy"]
    )
    energies = np.arange(12.0)
    found = score.annotate_many(crystals, [{"energy": energy} for energy in energies])
    for atoms, energy, value in zip(crystals, energies, found, strict=True):
        assert get_raw_score(atoms) == value
        assert value == pytest.approx(score(atoms, energy=energy), rel=1e-5)


def test_a_pareto_front_is_found_over_the_terms(predictor, crystals, database):
    score = Score(predictor, [Maximize("band_gap"), Minimize("bulk_modulus")])
    score.annotate_many(crystals)
    data = database(crystals)
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


def test_invalid_terms_and_values_are_explained(predictor):
    atoms = bulk("Cu")
    with pytest.raises(SettingError, match="the models have band_gap, bulk_modulus"):
        Score(predictor, [Maximize("hardness")])
    with pytest.raises(SettingError, match="at least one term"):
        Score(predictor, [])
    with pytest.raises(SettingError, match="two terms of the same kind"):
        Score(predictor, [Maximize("band_gap"), Maximize("band_gap", 2.0)])
    with pytest.raises(SettingError, match="weight must be a number above 0"):
        Minimize("band_gap", -1.0)
    with pytest.raises(SettingError, match="penalty must be a number above 0"):
        AtMost("band_gap", 1.0, math.inf)
    with pytest.raises(SettingError, match=r"given must be a list .* \['energy'\]"):
        Score(predictor, [Maximize("energy")], given="energy")
    assert len(Score(predictor, Maximize("band_gap")).terms) == 1
    score = Score(predictor, [Maximize("energy")], given=["energy"])
    with pytest.raises(SettingError, match="this score needs energy with each"):
        score(atoms)
    with pytest.raises(SettingError, match="1 given values do not fit 2 structures"):
        score.annotate_many([atoms, atoms], [{"energy": 1.0}])
    with pytest.raises(ElementError, match="Ni"):
        Score(predictor, [Maximize("band_gap")]).annotate(bulk("Ni"))
