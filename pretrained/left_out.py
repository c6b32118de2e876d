"""Evaluate models on test crystals that are unlike those they were trained on.

A random split leaves relatives of most test crystals in the training set: other phases of
the same elements, and other elements in the same structure. Crystals without them are the
ones that a search asks for.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from published import training_set
from recipes import RECIPES
from tqdm import tqdm

from ase_orbital.files import write_text
from ase_orbital.structure import digest
from ase_orbital.training.splits import group_of

if TYPE_CHECKING:
    from collections.abc import Hashable
    from pathlib import Path

    from ase import Atoms

    from ase_orbital.training.evaluation import Evaluation

KINDS = {"new_systems": "chemical_system", "new_prototypes": "prototype"}
FEWEST = 20  # crystals, of which a mean says something


def left_out(name: str, test: Evaluation, data: Path, cache: Path) -> dict[str, Evaluation]:
    """Return the evaluations on test crystals of which no training crystal is a relative.

    Relatives have the same chemical system, or the same prototype; see `group_of`. A kind
    with fewer than 20 such crystals is left out. The cache is a file of prototypes, which
    take minutes for tens of thousands of crystals.
    """
    recipe = RECIPES[name]
    crystals = recipe.read(data)
    extra = recipe.read_extra(data, {str(atoms.info["id"]) for atoms in crystals})
    structures = {str(atoms.info["id"]): atoms for atoms in crystals + extra}
    trained = training_set(name, data)
    wanted = {crystal: structures[crystal] for crystal in {*trained, *test.ids}}
    found = {}
    for label, kind in KINDS.items():
        if kind == "prototype":
            groups = prototypes_of(wanted, cache)
        else:
            groups = {at: group_of(atoms, kind) for at, atoms in wanted.items()}
        seen = {groups[crystal] for crystal in trained}
        new = {crystal for crystal in test.ids if groups[crystal] not in seen}
        if len(new) >= FEWEST:
            found[label] = test.select(new)
    return found


def prototypes_of(crystals: dict[str, Atoms], cache: Path) -> dict[str, Hashable]:
    """Return the prototype of each crystal, with the help of a file of prototypes."""
    known: dict[str, str] = {}
    if cache.is_file():
        known = json.loads(cache.read_text("utf-8"))
    digests = {name: digest(atoms) for name, atoms in crystals.items()}
    missing = {at: name for name, at in digests.items() if at not in known}
    for at, name in tqdm(missing.items(), desc="prototypes", unit="crystals"):
        known[at] = str(group_of(crystals[name], "prototype"))
    if missing:
        write_text(cache, json.dumps(known))
    return {name: known[at] for name, at in digests.items()}
