"""Which crystals are learned from, which watched on the way, and which kept for the end."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ase_orbital.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from ase import Atoms

PARTS = ("train", "validation", "test")
MEGNET_SIZES = (60_000, 4_619, 4_620)  # Chen et al., Chem. Mater. 31, 3564 (2019)


class Split(NamedTuple):
    """Identifiers of the three sets."""

    train: list[str]
    validation: list[str]
    test: list[str]

    def save(self, path: Path) -> None:
        """Write as JSON: {"train": [...], "validation": [...], "test": [...]}."""
        path.write_text(json.dumps(self._asdict(), indent=0) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: str | Path) -> Split:
        """Read what `save` wrote, or anyone else in its form.

        Raises
        ------
        DataError
            If a set is absent, or a crystal is in two of them.
        """
        try:
            content = json.loads(Path(path).read_text(encoding="utf-8"))
            split = cls(*([str(name) for name in content[part]] for part in PARTS))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(
                f"the split {path} cannot be read ({error!r}); it must be JSON with lists "
                f"of identifiers under {', '.join(PARTS)}"
            ) from error
        seen: set[str] = set()
        for part in split:
            double = seen.intersection(part)
            if double:
                raise DataError(f"{min(double)} is in two sets of the split {path}")
            seen.update(part)
        return split


def draw_split(
    ids: Sequence[str],
    groups: Sequence[Hashable] | None,
    sizes: Sequence[float],
    seed: int,
) -> Split:
    """Draw a split at random, group by group.

    Parameters
    ----------
    ids
        Of the crystals.
    groups
        Crystals of one group come into one set; None for each crystal alone.
    sizes
        Of the three sets: fractions that add up to at most 1, or numbers of crystals.
    seed
        The same seed, identifiers and groups give the same split in any order.

    Raises
    ------
    DataError
        If there are fewer crystals than asked for, or a set that should have some is empty.
    """
    numbers = np.asarray(sizes, dtype=float)
    if numbers.sum() <= 1.0 + 1e-9:
        numbers = np.round(numbers * len(ids))
        if abs(sum(sizes) - 1.0) < 1e-9:
            numbers[0] = len(ids) - numbers[1:].sum()
    if numbers.sum() > len(ids):
        raise DataError(
            f"a split of {numbers.astype(int).tolist()} was asked for and there are "
            f"{len(ids)} crystals; give smaller sizes or fractions"
        )
    keys = ids if groups is None else groups
    members: dict[str, list[str]] = {}
    for name, key in zip(ids, keys, strict=True):
        members.setdefault(str(key), []).append(name)
    order = np.random.default_rng(seed).permutation(sorted(members))
    # The sets that must not be too small are filled first.
    parts: dict[str, list[str]] = {part: [] for part in PARTS}
    filling = iter(zip(("test", "validation", "train"), numbers[::-1], strict=True))
    part, wanted = next(filling)
    for key in order:
        while len(parts[part]) >= wanted:
            part, wanted = next(filling, ("", np.inf))
            if not part:
                return Split(**parts)
        parts[part] += members[str(key)]
    for part, wanted in zip(PARTS, numbers, strict=True):
        if wanted >= 1 and not parts[part]:
            raise DataError(
                f"the {part} set is empty: {len(members)} groups cannot be divided so; "
                "split at random, or give more crystals"
            )
    return Split(**parts)


def group_of(atoms: Atoms, kind: str) -> Hashable:
    """Name what a crystal has in common with its likes.

    Parameters
    ----------
    atoms
        The crystal.
    kind
        "formula" (reduced), "chemical_system" (the elements), or "prototype" (anonymous
        formula, space group and atoms in the primitive cell).
    """
    from pymatgen.core import Composition

    composition = Composition(atoms.get_chemical_formula())
    if kind == "formula":
        return str(composition.reduced_formula)
    if kind == "chemical_system":
        return str(composition.chemical_system)
    if kind == "prototype":
        from spglib import get_spacegroup, standardize_cell

        cell = (atoms.cell.array, atoms.get_scaled_positions(), atoms.numbers)
        with warnings.catch_warnings():
            # spglib announces at every call that its errors will be others one day.
            warnings.simplefilter("ignore", DeprecationWarning)
            primitive = standardize_cell(cell, to_primitive=True, symprec=0.01)
            space_group = get_spacegroup(cell, symprec=0.01)
        size = len(atoms) if primitive is None else len(primitive[2])
        return (composition.anonymized_formula, space_group, size)
    raise DataError(
        f"there is no split {kind!r}; use random, formula, chemical_system, prototype, "
        "megnet, or the path of a split.json"
    )
