"""Which test crystals have no relative in the training set."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from ase.build import bulk

from ase_orbital.training.evaluation import Evaluation

CRYSTALS = {
    "trained": bulk("NaCl", "rocksalt", a=5.6),
    "trained too": bulk("MgO", "rocksalt", a=4.2),
    "same structure, other elements": bulk("KBr", "rocksalt", a=6.6),
    "same elements, other structure": bulk("NaCl", "cesiumchloride", a=3.4),
    "same elements, other amounts": (bulk("NaCl", "rocksalt", a=5.6) * (2, 1, 1))[1:],
}


@pytest.fixture
def left_out(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "pretrained"))
    import left_out

    for name, atoms in CRYSTALS.items():
        atoms.info["id"] = name
    recipe = SimpleNamespace(
        read=lambda *_: [*CRYSTALS.values()][1:],
        read_extra=lambda *_: [CRYSTALS["trained"]],
    )
    monkeypatch.setitem(left_out.RECIPES, "some", recipe)
    trained = frozenset({"trained", "trained too"})
    monkeypatch.setattr(left_out, "training_set", lambda *_: trained)
    yield left_out
    for name in ("left_out", "recipes", "published", "data_sets"):
        sys.modules.pop(name, None)


def test_relatives_have_the_elements_or_the_structure(left_out, monkeypatch, tmp_path):
    names = [name for name in CRYSTALS if not name.startswith("trained")]
    numbers = np.arange(3.0)
    test = Evaluation(names, names, numbers, numbers, None, None, False)
    cache = tmp_path / "prototypes.json"
    assert left_out.left_out("some", test, Path(), cache) == {}  # fewer than 20 crystals
    assert len(json.loads(cache.read_text())) == len(CRYSTALS)
    monkeypatch.setattr(left_out, "FEWEST", 1)
    found = left_out.left_out("some", test, Path(), cache)
    assert {kind: found[kind].ids for kind in found} == {
        "new_systems": ["same structure, other elements"],
        "new_prototypes": [
            "same elements, other structure",
            "same elements, other amounts",
        ],
    }
