"""Strategies of hypothesis that generate structures; needs hypothesis, the extra `test`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from hypothesis import strategies as st

from ase_orbital.testing.random_structures import (
    KINDS,
    LATTICES,
    SITES,
    Kind,
    random_structure,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms


@st.composite
def structures(
    draw: st.DrawFn,
    /,
    *,
    kinds: Sequence[Kind] = KINDS,
    most_atoms: int = 60,
    volumes: tuple[float, float] = (2.0, 200.0),
    **options: Any,
) -> Atoms:
    """Generate crystals of all Bravais lattices, slabs, wires and molecules.

    Parameters
    ----------
    kinds
        Kinds of structures, as for `random_structure`.
    most_atoms
        Largest number of atoms; small numbers are tried first, and more often.
    volumes
        Smallest and largest volume per atom, Å^3.
    options
        Other arguments of `random_structure`, such as `elements`.

    Examples
    --------
    >>> @given(structures(most_atoms=8))
    ... def test_descriptor(atoms):
    ...     assert_invariant(GOM(), atoms)
    """
    drawn: dict[str, Any] = {
        "kind": draw(st.sampled_from(kinds)),
        "lattice": draw(st.sampled_from(LATTICES)),
        "n_atoms": draw(st.integers(1, most_atoms)),
        "volume": draw(st.floats(*volumes)),
        "sites": draw(st.sampled_from(SITES)),
        "skewed": draw(st.booleans()),
    }
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return random_structure(rng, **drawn | options)
