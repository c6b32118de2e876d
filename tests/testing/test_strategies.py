"""Strategies generate structures of all kinds, which every descriptor takes."""

from hypothesis import find, given, settings
from hypothesis import strategies as st

from ase_orbital import GOM
from ase_orbital.structure import to_atoms
from ase_orbital.testing import assert_invariant
from ase_orbital.testing.strategies import structures

FEW = settings(max_examples=10, database=None)


@FEW
@given(structures())
def test_generated_structures_are_valid(atoms):
    assert len(to_atoms(atoms)) <= 60


@FEW
@given(structures(most_atoms=3, kinds=("crystal", "slab")), st.integers(0, 99))
def test_the_gom_is_a_function_of_the_crystal(atoms, seed):
    assert_invariant(GOM(cutoff=4.0), atoms, seed=seed)


def test_counterexamples_are_small():
    atoms = find(structures(), lambda atoms: atoms.pbc.any(), settings=FEW)
    assert len(atoms) == 1
