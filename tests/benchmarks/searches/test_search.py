"""Searches with a toy potential keep to their budget and find what is there."""

from functools import partial

import pytest
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator

from . import search, variants
from .relaxation import relax

MODEL = "eosnet-formation-energy-mp2018"


@pytest.fixture(scope="module")
def copper():
    atoms = bulk("Cu")
    relax(atoms, EMT(), force=0.02)
    atoms.calc = SinglePointCalculator(atoms, energy=atoms.get_potential_energy())
    return atoms


def one(known, variant="plain", budget=8):
    return search.Search(
        "Cu", known, EMT(), budget=budget, variant=variant, model=MODEL, seed=0
    )


@pytest.mark.parametrize("method", search.METHODS)
def test_a_search_ends_when_the_ground_state_is_found(copper, method):
    outcome = one(copper, budget=100).run(method)
    assert outcome["found"]
    assert outcome["relaxations"] >= 1
    assert abs(outcome["lowest"]) < search.WITHIN
    again = one(copper, budget=100).run(method)
    assert again["evaluations"] == outcome["evaluations"] <= 100


@pytest.mark.parametrize("variant", variants.VARIANTS)
@pytest.mark.parametrize("method", search.METHODS)
def test_no_search_exceeds_its_budget(copper, method, variant, monkeypatch):
    monkeypatch.setattr(search, "relax", partial(relax, steps=1))  # two evaluations each
    monkeypatch.setattr(search, "POPULATION", 2)
    monkeypatch.setattr(variants, "N_SCREENED", 2)
    monkeypatch.setattr(variants, "SYMMETRIZING_STEPS", 2)
    monkeypatch.setattr(variants, "PRERELAXING_STEPS", 2)
    monkeypatch.setattr(search, "WITHIN", -1.0)  # nothing is ever found
    outcome = one(copper, variant).run(method)
    assert not outcome["found"]
    assert outcome["evaluations"] == 8
    assert outcome["relaxations"] >= 3


def test_the_archive_stops_a_relaxation_to_a_known_minimum(copper):
    found = one(copper, "archive", 300)
    found.archive.add(copper)
    assert found._evaluate(lambda: bulk("Cu", a=3.8)) is None
    assert found.stopped == 1


def test_screening_never_chooses_a_proposal_that_the_model_refuses():
    variant = variants.Variant(variants.SCREENED, MODEL, 2, {})
    crushed, salt = bulk("NaCl", "rocksalt", a=0.4), bulk("NaCl", "rocksalt", a=5.6)
    proposals = iter([crushed, salt, *[crushed] * 6])
    assert variant.candidate(lambda: next(proposals)) is salt


def test_a_structure_that_the_archive_refuses_is_not_known(copper):
    found = one(copper, "archive", 300)
    assert not found._is_known(bulk("Cu", "sc", a=0.2))
