"""The same crystal, however it is written down, must give the same answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy.spatial.transform import Rotation

from ase_orbital.structure import to_atoms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ase import Atoms
    from numpy.typing import NDArray

    from ase_orbital.descriptors.base import Descriptor
    from ase_orbital.structure import AtomsLike


class Rewriting(NamedTuple):
    """One crystal written another way; `origin` is each atom's index in the first one."""

    change: str
    atoms: Atoms
    origin: NDArray[np.int64]


def same_crystals(structure: AtomsLike, *, seed: int = 0) -> Iterator[Rewriting]:
    """Write one crystal in several ways.

    Rotated, mirrored, translated across the cell's faces, moved by whole lattice vectors,
    with its atoms in another order, in a sheared choice of cell, and doubled.

    Parameters
    ----------
    structure
        Periodic or not; what needs a lattice is left out where there is none.
    seed
        Of the random rotation, translation and order.

    Yields
    ------
    Rewriting
        What was changed, the Atoms, and each atom's index in the first ones.
    """
    atoms = to_atoms(structure)
    rng = np.random.default_rng(seed)
    order = np.arange(len(atoms))

    rotated = atoms.copy()
    turn = Rotation.random(random_state=seed).as_matrix()
    rotated.set_cell(atoms.cell.array @ turn)
    rotated.positions = atoms.positions @ turn
    yield Rewriting("rotation", rotated, order)

    mirrored = atoms.copy()
    mirrored.set_cell(atoms.cell.array * [1, 1, -1])
    mirrored.positions = atoms.positions * [1, 1, -1]
    yield Rewriting("reflection", mirrored, order)

    moved = atoms.copy()
    moved.translate(rng.normal(size=3))
    moved.wrap()
    yield Rewriting("translation", moved, order)

    unwrapped = atoms.copy()
    steps = rng.integers(-2, 3, size=(len(atoms), 3)) * atoms.pbc
    unwrapped.positions = atoms.positions + steps @ atoms.cell.array
    yield Rewriting("whole lattice vectors", unwrapped, order)

    shuffled = rng.permutation(len(atoms))
    yield Rewriting("order of the atoms", atoms[shuffled], shuffled)

    periodic = np.flatnonzero(atoms.pbc)
    if len(periodic) > 1:
        sheared = atoms.copy()
        cell = atoms.cell.array.copy()
        cell[periodic[1]] += cell[periodic[0]]
        sheared.set_cell(cell)
        yield Rewriting("choice of cell", sheared, order)

    repeats = np.where(atoms.pbc, 2, 1)
    copies = int(repeats.prod())
    if copies > 1:
        yield Rewriting("supercell", atoms.repeat(repeats), np.tile(order, copies))


def assert_invariant(
    descriptor: Descriptor, structure: AtomsLike, *, tolerance: float = 1e-9, seed: int = 0
) -> None:
    """Fail unless rows follow atoms and ignore how the crystal is written.

    Parameters
    ----------
    descriptor
        Called with `create`.
    structure
        Any structure, periodic or not.
    tolerance
        Largest difference allowed, in the unit of the features.
    seed
        Of the random rotation, translation and order.
    """
    rows = descriptor.create(structure)
    for change, other, origin in same_crystals(structure, seed=seed):
        np.testing.assert_allclose(
            descriptor.create(other),
            rows[origin],
            rtol=0.0,
            atol=tolerance,
            err_msg=f"{descriptor} depends on {change}",
        )


def assert_function_of_the_crystal(
    predict: Callable[[Atoms], dict[str, Any]],
    structure: AtomsLike,
    *,
    tolerance: float,
    seed: int = 0,
) -> None:
    """Fail unless predictions ignore how the crystal is written.

    Parameters
    ----------
    predict
        Such as `Predictor(...).predict`.
    structure
        Any structure.
    tolerance
        Largest difference allowed, in the unit of the property.
    seed
        Of the random rotation, translation and order.
    """
    atoms = to_atoms(structure)
    expected = predict(atoms)
    for change, other, _ in same_crystals(atoms, seed=seed):
        for name, value in predict(other).items():
            np.testing.assert_allclose(
                value,
                expected[name],
                rtol=0.0,
                atol=tolerance,
                err_msg=f"{name} depends on {change}",
            )
