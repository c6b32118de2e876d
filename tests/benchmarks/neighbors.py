"""Neighbors and equivalent atoms against other packages, and GOM without symmetry."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import numpy as np

from ase_orbital import GOM
from ase_orbital.descriptors import gom as gom_module
from ase_orbital.neighbors.batch import neighbor_batch
from ase_orbital.overlap.symmetry_blocks import Blocks
from ase_orbital.structure import to_atoms_many

from .sets import n_atoms
from .table import peer
from .timing import Work, rates

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ase import Atoms

    from .sets import Sets
    from .table import Row

CUTOFF = 6.0  # Å
TOLERANCE = 5e-6  # Å, as in single precision
EQUAL = 2e-5  # for eigenvalues of the order of 10 in single precision


def vesin(sets: Sets, repetitions: int) -> Iterator[Row]:
    """Sorted neighbor lists with the search for coincident atoms, against vesin."""
    library = peer("vesin").NeighborList(cutoff=CUTOFF, full_list=True)

    def theirs(crystals: list[Atoms]) -> int:
        return sum(
            len(
                library.compute(
                    atoms.positions, atoms.cell.array, atoms.pbc, quantities="ijSDd"
                )[0]
            )
            for atoms in crystals
        )

    for name, crystals in sets.available("P", "C", "B", "S"):
        atoms = to_atoms_many(crystals)
        n_pairs = theirs(atoms)
        ours = partial(neighbor_batch, atoms, CUTOFF, "float32", symmetry=False)
        assert len(ours().center) == n_pairs
        yield rates(
            "neighbors, 6 Å, against vesin",
            name,
            "pairs/s",
            Work(ours, n_pairs),
            Work(partial(theirs, atoms), n_pairs),
            repetitions=repetitions,
        )


def spglib(sets: Sets, repetitions: int) -> Iterator[Row]:
    """Neighbors and equivalent atoms together, against the symmetry search of spglib."""
    library = peer("spglib")

    def classes(atoms: Atoms) -> int:
        cell = (atoms.cell.array, atoms.get_scaled_positions(), atoms.numbers)
        found = library.get_symmetry_dataset(cell, symprec=TOLERANCE)
        return len(np.unique(found.crystallographic_orbits))

    yield from _equivalent_atoms("spglib", classes, sets, repetitions)


def moyopy(sets: Sets, repetitions: int) -> Iterator[Row]:
    """Neighbors and equivalent atoms together, against the symmetry search of moyopy."""
    library = peer("moyopy")

    def classes(atoms: Atoms) -> int:
        cell = library.Cell(
            atoms.cell.array.tolist(),
            atoms.get_scaled_positions().tolist(),
            atoms.numbers.tolist(),
        )
        return len(set(library.MoyoDataset(cell, symprec=TOLERANCE).orbits))

    yield from _equivalent_atoms("moyopy", classes, sets, repetitions)


def _equivalent_atoms(
    package: str, classes: Any, sets: Sets, repetitions: int
) -> Iterator[Row]:
    for name, crystals in sets.available("P", "D", "C", "S"):
        atoms = to_atoms_many(crystals)
        ours = partial(neighbor_batch, atoms, CUTOFF, "float32")
        known, found = (sum(map(classes, atoms)), len(ours().representative))
        assert abs(found - known) <= 0.01 * known, (found, known)  # tolerances differ
        yield rates(
            f"neighbors and equivalent atoms, against {package}",
            name,
            "crystals/s",
            Work(ours, len(atoms)),
            Work(lambda atoms=atoms: [classes(one) for one in atoms], len(atoms)),
            repetitions=repetitions,
        )


def blocks(sets: Sets, repetitions: int) -> Iterator[Row]:
    """GOM with symmetry blocks, against full matrices of all inequivalent atoms."""
    gom = GOM(cutoff=CUTOFF, dtype="float32")
    nothing = np.zeros(0, np.int64)

    def full(crystals: list[Atoms]) -> list[Any]:
        none = Blocks(nothing, nothing, np.zeros(0))
        with patch.object(gom_module, "symmetry_blocks", lambda *_: none):
            return gom.create_many(crystals)

    for name, crystals in sets.available("P", "D", "C", "S"):
        for mine, other in zip(gom.create_many(crystals), full(crystals), strict=True):
            np.testing.assert_allclose(mine, other, atol=EQUAL)
        yield rates(
            "GOM(s).create_many, against full matrices",
            name,
            "atoms/s",
            Work(partial(gom.create_many, crystals), n_atoms(crystals)),
            Work(partial(full, crystals), n_atoms(crystals)),
            repetitions=repetitions,
        )
