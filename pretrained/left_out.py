"""Evaluate models on test crystals that are unlike those they were trained on.

A random split leaves relatives of most test crystals in the training set: other phases of
the same elements, and other elements in the same structure. Crystals without them are the
ones that a search asks for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from published import training_set
from recipes import RECIPES

from ase_orbital.training.splits import group_of

if TYPE_CHECKING:
    from pathlib import Path

    from ase import Atoms

    from ase_orbital.training.evaluation import Evaluation

GROUPS: dict[tuple[int, str], str] = {}  # those of tens of thousands take minutes
KINDS = {"new_systems": "chemical_system", "new_prototypes": "prototype"}
FEWEST = 20  # crystals, of which a mean says something


def left_out(name: str, test: Evaluation, data: Path) -> dict[str, Evaluation]:
    """Return the evaluations on test crystals of which no training crystal is a relative.

    Relatives have the same chemical system, or the same prototype; see `group_of`. A kind
    with fewer than 20 such crystals is left out.
    """
    recipe = RECIPES[name]
    crystals = recipe.read(data)
    extra = recipe.read_extra(data, {str(atoms.info["id"]) for atoms in crystals})
    structures = {str(atoms.info["id"]): atoms for atoms in crystals + extra}
    trained = training_set(name, data)
    found = {}
    for label, kind in KINDS.items():
        seen = {_group(structures[crystal], kind) for crystal in trained}
        new = {at for at in test.ids if _group(structures[at], kind) not in seen}
        if len(new) >= FEWEST:
            found[label] = test.select(new)
    return found


def _group(atoms: Atoms, kind: str) -> str:
    """Return the group of a crystal, found once in a process."""
    key = id(atoms), kind  # an identity of its own, as all data files stay in memory
    if key not in GROUPS:
        GROUPS[key] = group_of(atoms, kind)
    return GROUPS[key]
