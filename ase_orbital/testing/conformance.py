"""Checks that any descriptor, predictor or calculator should pass, on any structures.

Each check measures how far a law is violated on one structure; `conformance` runs them on
many structures, and keeps the worst violation of each with its structure.
"""

from __future__ import annotations

import pickle
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from itertools import pairwise
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np
from ase.build import bulk

from ase_orbital.structure import lattice
from ase_orbital.testing.invariance import same_crystals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from ase import Atoms
    from ase.calculators.calculator import Calculator
    from numpy.typing import NDArray

    from ase_orbital.descriptors.base import Descriptor
    from ase_orbital.predict.predictor import Predictor

    Array: TypeAlias = NDArray[np.floating[Any]]
    Values: TypeAlias = Callable[[Atoms], Array]
    Path: TypeAlias = Callable[[float], Atoms]
    # Gives the size of each violation, by the name of the law.
    Check: TypeAlias = Callable[[Atoms, int], Iterator[tuple[str, float]]]

# Å, and for strains; of finite differences. The largest step is for single precision, the
# smaller ones for eigenvalues that nearly coincide: their slopes change within 1e-6 Å.
STEPS = (1e-4, 1e-6, 1e-7)
PATH = 0.1  # Å; length of the paths along which jumps are searched
SINGLE = "precision"  # the law with a tolerance of its own: that of float32
TOLERANCES = {SINGLE: 1e-3, "continuity": 1e-6, "gradient": 1e-5, "stress": 1e-5}


class Finding(NamedTuple):
    """The worst violation of a law, and the structure that shows it."""

    law: str
    size: float
    tolerance: float
    structure: Atoms

    @property
    def passed(self) -> bool:
        """Whether the violation is within the tolerance; False for nan."""
        return self.size <= self.tolerance


def conformance(
    check: Check,
    structures: Iterable[Atoms],
    *,
    tolerance: float = 1e-9,
    tolerances: dict[str, float] | None = None,
    seed: int = 0,
) -> list[Finding]:
    """Find the worst violation of each law.

    Parameters
    ----------
    check
        Result of `descriptor_check`, `predictor_check` or `calculator_check`.
    structures
        Structures to try, such as those of `random_structure`.
    tolerance
        Largest violation that counts as rounding.
    tolerances
        Those of some laws, by name; added to `TOLERANCES`.
    seed
        Seed of random rotations, paths and so on.

    Returns
    -------
    list of Finding
        One for each law.
    """
    allowed = TOLERANCES | (tolerances or {})
    worst: dict[str, Finding] = {}
    for number, atoms in enumerate(structures):
        for law, size in check(atoms, seed + number):
            if law not in worst or not size <= worst[law].size:  # nan is the worst
                worst[law] = Finding(law, size, allowed.get(law, tolerance), atoms)
    return list(worst.values())


def assert_conforms(findings: Iterable[Finding]) -> None:
    """Raise AssertionError with every law that is violated, and by which structure."""
    lines = [
        f"{law}: {size:.3g} is above {tolerance:g} for {structure}"
        for law, size, tolerance, structure in (at for at in findings if not at.passed)
    ]
    assert not lines, "\n".join(lines)


def descriptor_check(descriptor: Descriptor, *, processes: bool = False) -> Check:
    """Check a descriptor; sizes are in the largest feature, or 1 if all are smaller.

    With `processes`, it also computes in another process, which takes seconds to start.
    """
    single = descriptor.with_precision("float32")
    elsewhere = _in_another_process(descriptor.create) if processes else None

    def check(atoms: Atoms, seed: int) -> Iterator[tuple[str, float]]:
        features = descriptor.create(atoms)
        scale = max(1.0, float(np.abs(features).max()))
        copy = pickle.loads(pickle.dumps(descriptor))
        many = descriptor.create_many([bulk("Cu"), atoms, bulk("Si"), atoms])
        yield from _equivalence(descriptor.create, atoms, seed, scale)
        yield "batch", max(_difference(many[i], features) for i in (1, 3)) / scale
        yield "pickle", _difference(copy.create(atoms), features) / scale
        yield SINGLE, _difference(single.create(atoms), features) / scale
        yield "threads", _thread_difference(descriptor.create, atoms, features) / scale
        if elsewhere:
            yield "processes", _difference(elsewhere(atoms), features) / scale
        path = compression(atoms, seed=seed)
        yield "continuity", largest_jump(descriptor.create, atoms, path=path) / scale
        if descriptor.differentiable and descriptor.cutoff:
            # Eigenvalues that coincide by symmetry have no derivatives of their own.
            moved = _displaced(atoms, _direction(atoms, seed), 0.02)
            yield "gradient", _derivative_error(descriptor, moved, seed) / scale

    return check


def predictor_check(
    predictor: Predictor,
    scales: dict[str, float] | None = None,
    *,
    double: Predictor | None = None,
    processes: bool = False,
) -> Check:
    """Check a predictor.

    Parameters
    ----------
    predictor
        A Predictor, or an object with its `properties`, `predict` and `predict_many`.
    scales
        Unit of the violations of each property; 1 for others. The standard deviation over
        a training set makes properties comparable.
    double
        The same predictor in double precision, to compare with.
    processes
        Whether to predict in another process, too, which takes seconds to start.
    """
    elsewhere = _in_another_process(predictor.predict) if processes else None
    units = np.array([(scales or {}).get(name, 1.0) for name in predictor.properties])

    def values(atoms: Atoms) -> Array:
        return np.asarray(np.array([[*predictor.predict(atoms).values()]]) / units)

    def check(atoms: Atoms, seed: int) -> Iterator[tuple[str, float]]:
        expected = values(atoms)
        many = predictor.predict_many([atoms, atoms * 1, atoms.copy()])
        rows = np.array([[*record.values()] for record in many]) / units
        copy = pickle.loads(pickle.dumps(predictor))
        copied = np.array([[*copy.predict(atoms).values()]]) / units
        yield from _equivalence(values, atoms, seed, 1.0)
        yield "batch", _difference(rows, expected)
        yield "pickle", _difference(copied, expected)
        if double is not None:
            exact = np.array([[*double.predict(atoms).values()]]) / units
            yield SINGLE, _difference(exact, expected)
        yield "threads", _thread_difference(values, atoms, expected)
        if elsewhere:
            other = np.array([[*elsewhere(atoms).values()]]) / units
            yield "processes", _difference(other, expected)
        yield "continuity", largest_jump(values, atoms, path=compression(atoms, seed=seed))

    return check


def calculator_check(make: Callable[[], Calculator]) -> Check:
    """Check the energy per atom of calculators, and their forces and stress.

    Parameters
    ----------
    make
        Makes a new calculator. Forces and, for crystals, the stress are compared with
        finite differences of the energy, if the calculator has them.
    """

    def energy(atoms: Atoms) -> Array:
        alone = atoms.copy()
        alone.calc = make()
        return np.array([[alone.get_potential_energy() / len(alone)]])

    def check(atoms: Atoms, seed: int) -> Iterator[tuple[str, float]]:
        yield from _equivalence(energy, atoms, seed, 1.0)
        yield "continuity", largest_jump(energy, atoms, path=compression(atoms, seed=seed))
        moved = _displaced(atoms, _direction(atoms, seed), 0.02)
        moved.calc = make()
        known = moved.calc.implemented_properties
        if "forces" in known:
            direction = _direction(moved, seed + 1)
            slope = -float((moved.get_forces() * direction).sum()) / len(moved)
            changes = _slopes(lambda at: energy(_displaced(moved, direction, at)))
            yield "gradient", min(abs(float(one.item()) - slope) for one in changes)
        if "stress" in known and moved.pbc.all():
            strain = np.random.default_rng(seed).normal(size=(3, 3))
            strain += strain.T
            stress = moved.get_stress(voigt=False) * moved.get_volume() / len(moved)
            changes = _slopes(lambda at: energy(_strained(moved, strain, at)))
            slope = float((stress * strain).sum())
            yield "stress", min(abs(float(one.item()) - slope) for one in changes)

    return check


def largest_jump(
    values: Values,
    atoms: Atoms,
    *,
    seed: int = 0,
    length: float = PATH,
    path: Path | None = None,
    n_steps: int = 8,
    n_halvings: int = 24,
) -> float:
    """Search a discontinuity along a path; by default, all atoms move at random.

    The step with the largest change is halved again and again, always keeping the half
    with the larger change. What remains of a continuous function is its slope times the
    last step, which is about 1e-9 Å.

    Parameters
    ----------
    values
        Function of the structure, whose shape does not change along the path.
    atoms, seed
        Start and random direction of the path.
    length
        Largest displacement of an atom, Å.
    path
        Another path, such as `compression(atoms)`: a function from 0 to 1 that returns
        structures. Then `seed` and `length` are not used.
    n_steps, n_halvings
        Number of equal steps at first, and of halvings of one of them.
    """
    direction = _direction(atoms, seed) * length

    def at(place: float) -> Array:
        return values(path(place) if path else _displaced(atoms, direction, place))

    places = np.linspace(0.0, 1.0, n_steps + 1)
    found = [at(place) for place in places]
    first = int(np.argmax([_difference(*pair) for pair in pairwise(found)]))
    low, high = places[first], places[first + 1]
    below, above = found[first], found[first + 1]
    for _ in range(n_halvings):
        middle = (low + high) / 2.0
        value = at(middle)
        if _difference(below, value) >= _difference(value, above):
            high, above = middle, value
        else:
            low, below = middle, value
    return _difference(below, above)


def compression(atoms: Atoms, *, strain: float = 0.1, seed: int = 0) -> Path:
    """Return a path on which a structure shrinks, and all atoms move at random.

    Parameters
    ----------
    atoms
        Start of the path. Directions that are not periodic do not shrink.
    strain
        Relative change of the lengths at the end of the path.
    seed
        Of the random displacements, of up to 0.1 Å.
    """
    direction, vectors = _direction(atoms, seed) * PATH, lattice(atoms)

    def at(place: float) -> Atoms:
        moved = _displaced(atoms, direction, place)
        scale = np.where(atoms.pbc, 1.0 - strain * place, 1.0)[:, None]
        moved.positions = moved.positions @ np.linalg.inv(vectors) @ (scale * vectors)
        moved.set_cell(moved.cell.array * scale)
        return moved

    return at


def _equivalence(
    values: Values, atoms: Atoms, seed: int, scale: float
) -> Iterator[tuple[str, float]]:
    """Compare the values of equivalent descriptions of a crystal."""
    expected = values(atoms)
    for change, other, origin in same_crystals(atoms, seed=seed):
        same = expected[origin] if len(expected) == len(atoms) else expected
        yield change, _difference(values(other), same) / scale


def _thread_difference(values: Values, atoms: Atoms, expected: Array) -> float:
    """Compute in three threads at the same time, beside another structure."""
    moved = _displaced(atoms, _direction(atoms, 0), PATH / 2.0)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(values, [moved, atoms, atoms * 1, atoms.copy()]))
    return max(_difference(at, expected) for at in found[1:])


def _in_another_process(function: Callable[[Atoms], Any]) -> Callable[[Atoms], Any]:
    """Return a function that computes in one spawned process, which starts when called."""
    pool = ProcessPoolExecutor(1, get_context("spawn"))
    return lambda atoms: pool.submit(function, atoms).result()


def _difference(found: Array, expected: Array) -> float:
    return float(np.abs(found - expected).max(initial=0.0))


def _direction(atoms: Atoms, seed: int) -> Array:
    """Draw a displacement of all atoms, of which the longest is 1."""
    drawn = np.random.default_rng(seed).normal(size=(len(atoms), 3))
    return np.asarray(drawn / np.linalg.norm(drawn, axis=1).max())


def _displaced(atoms: Atoms, direction: Array, size: float) -> Atoms:
    moved = atoms.copy()
    moved.positions += size * direction
    return moved


def _strained(atoms: Atoms, strain: Array, size: float) -> Atoms:
    deformed = atoms.copy()
    deformed.set_cell(atoms.cell.array @ (np.eye(3) + size * strain), scale_atoms=True)
    return deformed


def _slopes(function: Callable[[float], Array]) -> Iterator[Array]:
    """Slopes at 0 by central differences of fourth order, with each of the steps."""
    for step in STEPS:
        near = function(step) - function(-step)
        far = function(2.0 * step) - function(-2.0 * step)
        yield np.asarray((8.0 * near - far) / (12.0 * step))


def _derivative_error(descriptor: Descriptor, atoms: Atoms, seed: int) -> float:
    """Compare the derivatives along one random direction with finite differences."""
    direction = _direction(atoms, seed + 1)
    known = np.einsum("ifjx,jx->if", descriptor.derivatives(atoms), direction)
    slopes = _slopes(lambda at: descriptor.create(_displaced(atoms, direction, at)))
    return min(_difference(known, slope) for slope in slopes)
