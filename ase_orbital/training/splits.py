"""Training, validation and test splits."""

from __future__ import annotations

import json
import warnings
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ase_orbital.errors import DataError
from ase_orbital.files import write_text

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from ase import Atoms

SETS = ("train", "validation", "test")
MEGNET_SIZES = (60_000, 4_619, 4_620)  # Chen et al., Chem. Mater. 31, 3564 (2019)


class Split(NamedTuple):
    """Identifiers of the crystals in each set."""

    train: list[str]
    validation: list[str]
    test: list[str]

    def save(self, path: Path) -> None:
        """Write a JSON file: {"train": [...], "validation": [...], "test": [...]}."""
        write_text(path, json.dumps(self._asdict(), indent=0) + "\n")

    @classmethod
    def load(cls, path: str | Path) -> Split:
        """Read a split from a JSON file in the format of `save`.

        Raises
        ------
        DataError
            If a set is missing, or a crystal is in two of them.
        """
        try:
            content = json.loads(Path(path).read_text(encoding="utf-8"))
            split = cls(*([str(crystal) for crystal in content[name]] for name in SETS))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(
                f"the split {path} cannot be read ({error!r}); it must be JSON with lists "
                f"of identifiers under {', '.join(SETS)}"
            ) from error
        for first, second in combinations(split, 2):
            if double := set(first).intersection(second):
                raise DataError(f"{min(double)} is in two sets of the split {path}")
        return split


def draw_split(
    ids: Sequence[str],
    groups: Sequence[Hashable] | None,
    sizes: Sequence[float],
    seed: int,
) -> Split:
    """Draw a random split that keeps groups of crystals together.

    The same seed, identifiers and groups give the same split, whatever the order of the
    crystals.

    Parameters
    ----------
    ids, groups
        Identifiers of the crystals, and their groups; None if each is a group of its own.
    sizes
        Sizes of the three sets: fractions that add up to at most 1, or numbers of crystals.

    Raises
    ------
    DataError
        If there are too few crystals, or too few groups for each set to get one.
    """
    numbers = np.asarray(sizes, dtype=float)
    if numbers.sum() <= 1.0 + 1e-9:
        numbers = np.round(numbers * len(ids))
        if abs(sum(sizes) - 1.0) < 1e-9:
            numbers[0] = len(ids) - numbers[1:].sum()
    if numbers.sum() > len(ids):
        raise DataError(
            f"a split of {numbers.astype(int).tolist()} needs more than the {len(ids)} "
            "crystals that there are; use smaller sizes or fractions"
        )
    keys = ids if groups is None else groups
    members: dict[str, list[str]] = {}
    for crystal, key in zip(ids, keys, strict=True):
        members.setdefault(str(key), []).append(crystal)
    order = np.random.default_rng(seed).permutation(sorted(members))
    # Fill the test and validation sets first: they must not be too small.
    drawn: dict[str, list[str]] = {name: [] for name in SETS}
    filling = iter(zip(reversed(SETS), numbers[::-1], strict=True))
    name, wanted = next(filling)
    for key in order:
        while len(drawn[name]) >= wanted:
            name, wanted = next(filling, ("", np.inf))
            if not name:
                return Split(**drawn)
        drawn[name] += members[str(key)]
    for name, wanted in zip(SETS, numbers, strict=True):
        if wanted >= 1 and not drawn[name]:
            raise DataError(
                f"the {name} set is empty, because {len(members)} groups cannot be split "
                "into these sizes; use a random split or more crystals"
            )
    return Split(**drawn)


def draw_folds(
    ids: Sequence[str], groups: Sequence[Hashable], n_folds: int, seed: int
) -> list[list[str]]:
    """Divide crystals at random into folds of about one size, and keep groups together.

    Raises
    ------
    DataError
        If there are fewer groups than folds.
    """
    members: dict[str, list[str]] = {}
    for crystal, key in zip(ids, groups, strict=True):
        members.setdefault(str(key), []).append(crystal)
    if len(members) < n_folds:
        raise DataError(f"{len(members)} groups of crystals cannot be in {n_folds} folds")
    folds: list[list[str]] = [[] for _ in range(n_folds)]
    for key in np.random.default_rng(seed).permutation(sorted(members)):
        min(folds, key=len).extend(members[str(key)])
    return folds


def group_of(atoms: Atoms, kind: str) -> Hashable:
    """Return the group of a crystal, which a split keeps together.

    The kind is "formula" (reduced), "chemical_system" (the elements), or "prototype"
    (anonymous formula, space group and number of atoms in the primitive cell).

    Raises
    ------
    DataError
        If the kind is none of these.
    """
    from pymatgen.core import Composition

    composition = Composition(atoms.get_chemical_formula())
    if kind == "formula":
        return str(composition.reduced_formula)
    if kind == "chemical_system":
        return str(composition.chemical_system)
    if kind == "prototype":
        from spglib import get_symmetry_dataset

        cell = (atoms.cell.array, atoms.get_scaled_positions(), atoms.numbers)
        with warnings.catch_warnings():
            # spglib warns at every call that its errors will change.
            warnings.simplefilter("ignore", DeprecationWarning)
            found = get_symmetry_dataset(cell, symprec=0.01)
        if found is None:
            return (composition.anonymized_formula, None, len(atoms))
        size = len(set(found.mapping_to_primitive.tolist()))
        space_group = f"{found.international} ({found.number})"
        return (composition.anonymized_formula, space_group, size)
    raise DataError(
        f"there is no split {kind!r}; use random, formula, chemical_system, prototype, "
        "megnet, or the path of a split.json"
    )
