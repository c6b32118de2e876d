"""The quick look at a crystal, against the thorough one."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from hypothesis import given, settings
from hypothesis import strategies as st

from ase_orbital.errors import StructureError
from ase_orbital.structure import CLOSEST, MAX_SWEPT, validate


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 2**16),
    n=st.integers(1, 12),
    apart=st.floats(0.2, 0.4).filter(lambda d: abs(d - CLOSEST) > 1e-9),
    scale=st.floats(0.6, 1.4),
)
def test_the_quick_look_at_a_crystal_says_what_the_thorough_one_does(seed, n, apart, scale):
    """With one atom a given length away from another, often through a face of the cell."""
    random = np.random.default_rng(seed)
    cell = scale * (np.eye(3) + 0.4 * random.uniform(-1, 1, (3, 3))) * (10.0 * n) ** (1 / 3)
    fractions = random.random((n, 3))
    fractions[0, random.integers(3)] = random.choice([0.0, 1e-12, 1.0 - 1e-12])
    positions = fractions @ cell
    step = random.normal(size=3)
    near = positions[0] + apart * step / np.linalg.norm(step)
    near += random.integers(-1, 2, 3) @ cell
    atoms = Atoms(f"He{n + 1}", [*positions, near], cell=cell, pbc=True)

    def refused():
        try:
            validate(atoms)
        except StructureError as error:
            return str(error)
        return None

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ase_orbital.structure._is_sound", lambda *_: False)
        thorough = refused()
    assert refused() == thorough


@pytest.mark.parametrize("repeats", [6, 7])  # below and above what is swept
def test_two_atoms_at_one_place_are_found_in_large_crystals(repeats):
    atoms = bulk("NaCl", "rocksalt", a=5.64, cubic=True).repeat(repeats)
    assert (len(atoms) > MAX_SWEPT) is (repeats == 7)
    validate(atoms)
    atoms.positions[-1] = atoms.positions[17] + [0.1, 0.0, 0.0]
    with pytest.raises(StructureError, match="closer than"):
        validate(atoms)
