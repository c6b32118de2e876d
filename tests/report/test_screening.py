"""The page of a screening counts, ranks and samples."""

import json

import numpy as np
import pandas
import pytest

from ase_orbital.errors import SettingError
from ase_orbital.report.screened import Screened, from_table
from ase_orbital.report.screening import screening_page

DEFAULTS = {"sort": None, "top": 5, "points": 100}


def page_of(screened, **changes):
    return screening_page("name", screened, **DEFAULTS | changes)


def section(page, title):
    return next(one for one in page.sections if one["title"] == title)


def values(page, name):
    return next(one["values"] for one in page.columns if one["name"] == name)


@pytest.fixture
def screened(predictions):
    found = from_table(predictions)
    found.features = lambda rows: np.eye(4)[np.array(rows) % 4]
    return found


def test_structures_failures_and_formulas_are_counted(screened):
    page = page_of(screened)
    assert page.facts == [
        (18, "structures"),
        (15, "predicted"),
        (3, "failed"),
        ("80.0 %", "in the domain"),
        (15, "formulas"),
    ]
    assert json.dumps(page.sections, allow_nan=False)


def test_failures_that_differ_in_numbers_and_names_are_one_kind(screened):
    rows = section(page_of(screened), "Failures")["rows"]
    assert [row[0] for row in rows] == [2, 1]
    assert rows[0][1:] == ["atom 3 (O) is at [0, 0, 7], too far", "bad-0"]


def test_the_best_are_those_in_the_domain(screened):
    page = page_of(screened)
    gaps = values(page, "band_gap")
    best = section(page, "Candidates")["rows"]
    assert [gaps[row] for row in best] == [1.1, 1, 0.9, 0.8, 0.7]
    assert set(page.structures) == set(best)
    assert page.structures[best[0]]["numbers"] == [37, 35]


@pytest.mark.parametrize(("sort", "first"), [("bulk_modulus", 1.1), ("bulk_modulus-", 0)])
def test_a_column_ranks_the_candidates(screened, sort, first):
    page = page_of(screened, sort=sort)
    best = section(page, "Candidates")["rows"]
    assert values(page, "band_gap")[best[0]] == first


def test_energies_are_best_where_they_are_lowest(screened):
    frame = screened.frame.rename(columns={"band_gap": "formation_energy_per_atom"})
    screened.frame = frame.drop(columns="in_domain")
    page = page_of(screened)
    assert (
        values(page, "formation_energy_per_atom")[section(page, "Candidates")["rows"][0]]
        == 0
    )
    assert "lowest first" in section(page, "Candidates")["note"]


def test_what_the_run_selected_is_kept_in_its_order(screened):
    screened.selected = [7, 2, 17]  # the last one has failed
    page = page_of(screened)
    ids = values(page, "id")
    assert [ids[row] for row in section(page, "Candidates")["rows"]] == ["salt-7", "salt-2"]


def test_an_absent_column_is_named(screened):
    with pytest.raises(SettingError, match="no column 'hardness' to sort by"):
        page_of(screened, sort="hardness-")


def test_a_sample_keeps_the_best_and_histograms_have_all(screened):
    page = page_of(screened, points=8)
    assert page.n_records == 8
    assert max(values(page, "band_gap")) >= 1.1
    assert "8 of 15 structures" in section(page, "Property against property")["note"]
    panels = section(page, "Distributions")["panels"]
    assert [panel["label"] for panel in panels] == ["band gap", "bulk modulus"]
    assert sum(panels[0]["inside"]) == 12
    assert sum(panels[0]["outside"]) == 3
    elements = section(page, "Elements")
    assert dict(zip(elements["labels"], elements["values"], strict=True))["F"] == 5


def test_a_few_far_values_do_not_flatten_the_histogram():
    gap = np.append(np.random.default_rng(0).uniform(0.0, 1.0, 9999), 1e6)
    frame = pandas.DataFrame(
        {"id": map(str, range(10_000)), "source": "x", "formula": "Cu"}
    )
    frame = frame.assign(n_atoms=1, error="", band_gap=gap)
    page = page_of(Screened(frame, {}, [], lambda rows: [None] * len(rows)))
    (panel,) = section(page, "Distributions")["panels"]
    assert panel["edges"][-1] < 1.1
    assert sum(panel["inside"]) == 10_000
    assert "first or last bin" in section(page, "Distributions")["note"]


def test_the_map_shows_given_or_computed_fingerprints(screened):
    found = page_of(screened)
    assert "those of the screening" in section(found, "Map of fingerprints")["note"]
    assert len({*values(found, "map 1")}) == 4
    screened.features = None
    found = page_of(screened)
    assert "mean orbital field matrices" in section(found, "Map of fingerprints")["note"]
    assert len([x for x in values(found, "map 1") if x is not None]) == 15


def test_structures_that_all_failed_have_a_page_of_failures(screened):
    screened.frame = screened.frame[screened.frame["error"] != ""]
    page = page_of(screened)
    assert [one["title"] for one in page.sections] == ["Failures", "About this run"]
    assert page.n_records == 0
