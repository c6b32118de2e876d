"""No change of the code changes an answer by accident: 50 structures, as they were."""

import json

import numpy as np
import pytest
from ase import Atoms

from ase_orbital import list_models
from ase_orbital.testing.__main__ import DESCRIPTORS
from ase_orbital.zoo import read_card

from .answers import TABLE, descriptor_answers, model_answers, weights_of

FROZEN = json.loads(TABLE.read_text(encoding="utf-8"))
STRUCTURES = [Atoms(**stored) for stored in FROZEN["structures"]]
DESCRIBED = 1e-9  # of the largest number: rounding, in double precision
PREDICTED = 1e-7  # of the property's standard deviation over the training set
RENEW = "run `python -m tests.frozen` if the answers are meant to change"


def test_there_are_fifty_structures_of_all_kinds():
    assert len(STRUCTURES) == 50
    assert {sum(atoms.pbc) for atoms in STRUCTURES} == {0, 1, 2, 3}


@pytest.mark.parametrize("name", DESCRIPTORS)
def test_descriptors_are_as_they_were(name):
    expected = np.array(FROZEN["descriptors"][name])
    error = np.abs(np.array(descriptor_answers(name, STRUCTURES)) - expected)
    allowed = DESCRIBED * np.maximum(1.0, np.abs(expected).max(axis=1))
    changed = np.flatnonzero((error > allowed[:, None]).any(axis=1))
    assert not changed.size, f"structures {changed} have other features; {RENEW}"


@pytest.mark.parametrize("name", list_models())
def test_predictions_are_as_they_were(name):
    assert name in FROZEN["models"], f"{name} is new; {RENEW}"
    frozen = FROZEN["models"][name]
    assert weights_of(name) == frozen["weights"], f"{name} has other weights; {RENEW}"
    settings = read_card(name).settings
    expected = np.array(frozen["means"], dtype=float)
    unit = settings["target_scale"]
    if settings["transform"] == "log10":  # of the modulus itself
        unit = unit * np.log(10.0) * np.abs(expected)
    found = np.array(model_answers(name, STRUCTURES), dtype=float)
    np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))
    worst = float(np.nanmax(np.abs(found - expected) / unit))
    assert worst <= PREDICTED, f"{worst:.1e} of the spread; {RENEW}"
    assert np.isfinite(expected).sum() > 5
