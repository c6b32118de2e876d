"""Periodic directions of crystals, slabs, wires and molecules, in any cell."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, fcc111, graphene, molecule, mx2, nanotube

from ase_orbital.neighbors.periodicity import n_periodic

from ..structures import PEROVSKITE

LAYER = mx2("MoS2", vacuum=7.5)
GRAPHITE = Atoms(
    "C4", scaled_positions=[[0, 0, 0.25], [1 / 3, 2 / 3, 0.25], [0, 0, 0.75],
    [2 / 3, 1 / 3, 0.75]], cell=[2.46, 2.46, 6.7, 90, 90, 120], pbc=True,
)  # fmt: skip


@pytest.mark.parametrize(
    ("atoms", "expected"),
    [
        (PEROVSKITE, 3),
        (PEROVSKITE * (4, 1, 1), 3),
        (bulk("Cs", "bcc", a=6.1) * (3, 3, 3), 3),
        (GRAPHITE, 3),
        (GRAPHITE * (1, 1, 3), 3),
        (bulk("Cu", a=14.0), 0),
        (fcc111("Cu", (1, 1, 3), vacuum=8.0), 2),
        (fcc111("Cu", (1, 1, 3), vacuum=3.0), 2),
        (LAYER, 2),
        (graphene(vacuum=6.0), 2),
        (nanotube(6, 0, length=2, vacuum=5.0), 1),
        (molecule("H2O"), 0),
        (molecule("H2O", vacuum=6.0), 0),
        (Atoms("Ar"), 0),
    ],
    ids=lambda value: str(getattr(value, "symbols", value)),
)
def test_a_vacuum_ends_the_periodicity_whatever_pbc_is(atoms, expected):
    assert n_periodic(atoms) == expected
    closed = atoms.copy()
    if atoms.cell.rank == 3 and expected < 3:
        wide = np.ptp(atoms.get_scaled_positions(wrap=False), axis=0)
        if ((1.0 - wide) * atoms.cell.lengths())[~atoms.pbc].min(initial=99.0) > 8.0:
            closed.pbc = True
            assert n_periodic(closed) == expected


def test_it_does_not_depend_on_the_origin_or_the_cell():
    slab = fcc111("Cu", (1, 1, 4), vacuum=6.0)
    slab.pbc = True
    moved = slab.copy()
    moved.positions += [0.3, 0.2, 11.0]
    sheared = slab.copy()
    sheared.cell[2] += 2 * sheared.cell[0]
    for other in (slab, moved, sheared, slab * (2, 2, 1)):
        assert n_periodic(other) == 2
    for count in (1, 2, 3):
        assert n_periodic(bulk("Cu", cubic=True) * (4, count, 1)) == 3
