"""Groups of commuting operations at sites of known point groups."""

import numpy as np
import pytest
from ase.build import bulk
from ase.spacegroup import crystal

from ase_orbital.neighbors.batch import neighbor_batch
from ase_orbital.neighbors.cell_list import shortened
from ase_orbital.overlap.site_symmetry import commuting_group, involutions

TOLERANCE = 1e-6
PEROVSKITE = crystal(
    ["Sr", "Ti", "O"], [(0, 0, 0), (0.5, 0.5, 0.5), (0.5, 0.5, 0)],
    spacegroup=221, cellpar=[3.905] * 3 + [90] * 3,
)  # fmt: skip
QUARTZ = crystal(
    ["Si", "O"], [(0.4697, 0, 1 / 3), (0.4135, 0.2669, 0.1191)],
    spacegroup=152, cellpar=[4.916, 4.916, 5.405, 90, 90, 120],
)  # fmt: skip


def operations_of(atoms):
    vectors = np.ascontiguousarray(atoms.cell.array)
    return involutions(shortened(vectors, atoms.pbc)[0], TOLERANCE)


def group_at(atoms, site, cutoff=4.5):
    batch = neighbor_batch([atoms], cutoff, symmetry=False)
    own = slice(batch.first_pair[site], batch.first_pair[site + 1])
    points = np.vstack([np.zeros(3), batch.vector[own]])
    lengths = np.concatenate([[0.0], batch.distance[own]])
    kinds = batch.numbers[np.concatenate([[site], batch.neighbor[own]])]
    images = commuting_group(points, lengths, kinds, operations_of(atoms), TOLERANCE)
    return images, points, kinds


@pytest.mark.parametrize(
    ("atoms", "number"),
    [
        # Of m-3m: inversion, 3 + 6 mirrors, 3 + 6 two-fold axes; of 6/mmm: 1, 7 and 7.
        (PEROVSKITE, 19),
        (QUARTZ, 15),
        (bulk("Cu"), 19),
    ],
    ids=["cubic", "hexagonal", "fcc"],
)
def test_involutions_are_those_of_the_lattice(atoms, number):
    operations = operations_of(atoms)
    assert len(operations) == number
    for operation in operations:
        assert np.allclose(operation @ operation, np.eye(3), atol=1e-12)
        assert np.allclose(operation @ operation.T, np.eye(3), atol=1e-12)


@pytest.mark.parametrize(
    ("atoms", "symbol", "order"),
    [(PEROVSKITE, "Sr", 8), (PEROVSKITE, "Ti", 8), (PEROVSKITE, "O", 8),
     (QUARTZ, "Si", 2), (QUARTZ, "O", 1)],
)  # fmt: skip
def test_order_of_the_group_follows_from_the_site(atoms, symbol, order):
    site = atoms.symbols.indices()[symbol][0]
    images, points, kinds = group_at(atoms, site)
    assert len(images) == order
    for image in images:
        assert sorted(image) == list(range(len(points)))
        assert (kinds[image] == kinds).all()
    # Operations of a commuting group: their products are among them.
    known = {tuple(image) for image in images}
    for one in images:
        for other in images:
            assert tuple(one[other]) == tuple(other[one])
            assert tuple(one[other]) in known


def test_a_rattled_crystal_has_only_the_identity():
    atoms = PEROVSKITE * (2, 1, 1)
    atoms.rattle(0.05, seed=0)
    images, points, _ = group_at(atoms, 0)
    assert images.tolist() == [list(range(len(points)))]
