"""Pairs of the comparators are what their labels say."""

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator

from ase_orbital.search import GOMComparator

from .comparators import (
    DIFFERENT,
    OTHER_CELL,
    SUPERCELL,
    Method,
    best_threshold,
    in_another_cell,
    judgements,
    pairs,
)

pytestmark = pytest.mark.filterwarnings(  # spglib, when pymatgen calls it
    "ignore:Set OLD_ERROR_HANDLING to false:DeprecationWarning"
)


def crystal(structure, a, energy):
    atoms = bulk("MgO", structure, a=a)
    atoms.calc = SinglePointCalculator(atoms, energy=energy)
    return atoms


@pytest.fixture(scope="module")
def every():
    return pairs(
        [crystal("rocksalt", 4.21, -12.0), crystal("rocksalt", 4.211, -11.999),
         crystal("zincblende", 4.6, -11.0)]
    )  # fmt: skip


def test_kinds_of_pairs(every):
    kinds = [pair.kind for pair in every]
    assert kinds.count(DIFFERENT) == 2
    assert len(kinds) == 5
    for pair in every:
        size = 2 if pair.kind == SUPERCELL else 1
        assert len(pair.other) == size * len(pair.one)
        energies = [each.get_potential_energy() / len(each) for each in pair[:2]]
        assert (abs(energies[0] - energies[1]) < 0.002) == (pair.kind != DIFFERENT)


def test_another_cell_is_the_same_crystal(every):
    pair = next(pair for pair in every if pair.kind == OTHER_CELL)
    assert not np.allclose(pair.one.cell.lengths(), pair.other.cell.lengths())
    assert GOMComparator().difference(pair.one, pair.other) < 0.001
    assert in_another_cell(pair.one, np.random.default_rng(0)).get_volume() == (
        pytest.approx(pair.one.get_volume())
    )


def test_judgements(every):
    assert judgements(Method(GOMComparator().looks_like), every) == [
        pair.kind != DIFFERENT for pair in every
    ]

    def refuses(*_):
        raise ValueError("The two configurations are not the same size")

    assert not any(judgements(Method(refuses), every))


def test_best_threshold():
    apart = np.array([0.1, 0.2, 0.3, 0.4, np.inf])
    different = np.array([False, False, True, False, True])
    assert best_threshold(apart, different) in (0.2, 0.4)
