"""Check that results do not depend on how a crystal is described."""

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
    """An equivalent description of a crystal, and the original index of each atom."""

    change: str
    atoms: Atoms
    origin: NDArray[np.int64]


def same_crystals(structure: AtomsLike, *, seed: int = 0) -> Iterator[Rewriting]:
    """Yield equivalent descriptions of one crystal.

    The crystal is rotated, mirrored, translated and wrapped; its atoms are moved by whole
    lattice vectors and permuted; its cell is sheared by a random unimodular matrix and
    doubled. Changes that need a lattice are left out for structures without one.

    Parameters
    ----------
    structure
        Any structure, periodic or not.
    seed
        Seed of the random rotation, translation, permutation and cell.
    """
    atoms = to_atoms(structure)
    rng = np.random.default_rng(seed)
    order = np.arange(len(atoms))

    rotation = Rotation.random(random_state=seed).as_matrix()
    for change, matrix in ("rotation", rotation), ("reflection", np.diag([1, 1, -1])):
        turned = atoms.copy()
        turned.set_cell(atoms.cell.array @ matrix)
        turned.positions = atoms.positions @ matrix
        yield Rewriting(change, turned, order)

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
        sheared.set_cell(unimodular(rng, periodic) @ atoms.cell.array)
        yield Rewriting("choice of cell", sheared, order)

    repeats = np.where(atoms.pbc, 2, 1)
    copies = int(repeats.prod())
    if copies > 1:
        yield Rewriting("supercell", atoms.repeat(repeats), np.tile(order, copies))


def unimodular(
    rng: np.random.Generator, axes: NDArray[np.int64], n_shears: int = 3
) -> NDArray[np.int64]:
    """Draw an integer matrix of determinant 1 that mixes two or three axes, [3, 3]."""
    matrix = np.eye(3, dtype=np.int64)
    for _ in range(n_shears):
        changed, added = rng.choice(axes, 2, replace=False)
        matrix[changed] += rng.choice([-1, 1]) * matrix[added]
    return matrix


def assert_invariant(
    descriptor: Descriptor, structure: AtomsLike, *, tolerance: float = 1e-9, seed: int = 0
) -> None:
    """Fail if features differ between equivalent descriptions of a crystal.

    Parameters
    ----------
    descriptor
        Its method `create` is called.
    structure, seed
        As for `same_crystals`.
    tolerance
        Largest allowed difference, in the unit of the features.
    """
    features = descriptor.create(structure)
    for change, other, origin in same_crystals(structure, seed=seed):
        np.testing.assert_allclose(
            descriptor.create(other),
            features[origin],
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
    """Fail if predictions differ between equivalent descriptions of a crystal.

    Parameters
    ----------
    predict
        Function of Atoms such as `Predictor(...).predict`.
    structure, seed
        As for `same_crystals`.
    tolerance
        Largest allowed difference, in the unit of the property.
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
