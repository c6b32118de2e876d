"""Batches against the structures they are made of."""

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk, fcc111, molecule
from numpy.testing import assert_allclose, assert_array_equal

from ase_orbital.errors import SettingError, StructureError
from ase_orbital.neighbors import batch as module
from ase_orbital.neighbors.batch import LONGEST, Extension, neighbor_batch

STRUCTURES = [
    bulk("NaCl", "rocksalt", a=5.64, cubic=True),
    molecule("CH3CH2OH"),
    bulk("Cu"),
    fcc111("Cu", (2, 1, 3), vacuum=6.0),
    Atoms("He"),
    bulk("Si", cubic=True),
]


def parts_of(batch):
    """Each structure of a batch, with indices that count within the structure."""
    for s in range(len(batch.cells)):
        a, b = batch.first_atom[s : s + 2]
        p, q = batch.first_pair[a], batch.first_pair[b]
        c, d = batch.first_inequivalent[s : s + 2]
        yield {
            "numbers": batch.numbers[a:b],
            "positions": batch.positions[a:b],
            "center": batch.center[p:q] - a,
            "neighbor": batch.neighbor[p:q] - a,
            "shift": batch.shift[p:q],
            "vector": batch.vector[p:q],
            "distance": batch.distance[p:q],
            "first_pair": batch.first_pair[a : b + 1] - p,
            "representative": batch.representative[c:d] - a,
            "multiplicity": batch.multiplicity[c:d],
            "inequivalent_index": batch.inequivalent_index[a:b] - c,
        }


def assert_parts_are_alone(batch, cutoff):
    parts = list(parts_of(batch))
    assert len(parts) == len(STRUCTURES)
    for part, atoms in zip(parts, STRUCTURES, strict=True):
        alone = neighbor_batch([atoms], cutoff)
        for name, values in part.items():
            assert_array_equal(values, getattr(alone, name), name)


@pytest.mark.parametrize("cutoff", [0.0, 4.1])
def test_structures_of_a_batch_are_those_searched_alone(cutoff):
    batch = neighbor_batch(STRUCTURES, cutoff)
    assert_parts_are_alone(batch, cutoff)
    assert_array_equal(batch.cells, [atoms.cell.array for atoms in STRUCTURES])
    assert_array_equal(batch.pbc, [atoms.pbc for atoms in STRUCTURES])


def test_a_batch_does_not_depend_on_how_threads_share_it(monkeypatch):
    before = torch.get_num_threads()
    monkeypatch.setattr(module, "MAX_ATOMS", 10)
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            assert_parts_are_alone(neighbor_batch(STRUCTURES, 4.1), 4.1)
    finally:
        torch.set_num_threads(before)


def test_every_atom_is_a_copy_of_its_representative():
    batch = neighbor_batch(STRUCTURES, 4.1)
    representative = batch.representative[batch.inequivalent_index]
    assert_array_equal(batch.numbers, batch.numbers[representative])
    assert_array_equal(
        batch.multiplicity, np.bincount(batch.inequivalent_index).astype(int)
    )
    degree = np.diff(batch.first_pair)
    assert_array_equal(degree, degree[representative])
    assert batch.multiplicity[0] == 4  # of eight atoms in rocksalt


def test_without_symmetry_every_atom_is_its_own_representative():
    batch = neighbor_batch(STRUCTURES, 4.1, symmetry=False)
    assert_array_equal(batch.representative, np.arange(len(batch.numbers)))
    assert_array_equal(batch.inequivalent_index, np.arange(len(batch.numbers)))


def test_an_extension_searches_farther_only_where_neighbors_are_few():
    dense, sparse = bulk("C"), bulk("Xe", "fcc", a=8.6)
    batch = neighbor_batch([dense, sparse], 4.0, extension=Extension(7.0, 12, 4.0))
    for atoms, part, cutoff in zip(
        (dense, sparse), parts_of(batch), (4.0, 7.0), strict=True
    ):
        alone = neighbor_batch([atoms], cutoff)
        assert_array_equal(part["distance"], alone.distance)
        assert_array_equal(part["shift"], alone.shift)


def test_open_directions_have_unit_vectors_in_the_lattices():
    batch = neighbor_batch([STRUCTURES[1], STRUCTURES[2], STRUCTURES[3]], 3.0)
    free, crystal, slab = batch.lattices
    assert_array_equal(free, np.eye(3))
    assert_array_equal(crystal, STRUCTURES[2].cell.array)
    assert_array_equal(slab[:2], STRUCTURES[3].cell.array[:2])
    assert_allclose(np.abs(slab[2]), [0, 0, 1], atol=1e-12)


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
def test_numbers_of_any_integer_type_are_taken(dtype):
    atoms = bulk("NaCl", "rocksalt", a=5.64)
    atoms.arrays["numbers"] = atoms.numbers.astype(dtype)
    assert len(neighbor_batch([atoms], 3.0).center) == 12


def test_the_coincident_atoms_of_a_later_structure_are_named():
    wrong = Atoms("NaCl", [[0, 0, 0], [4, 4, 8]], cell=[4, 4, 4], pbc=True)
    with pytest.raises(StructureError, match=r"0 \(Na\).*1 \(Cl\)|1 \(Cl\).*0 \(Na\)"):
        neighbor_batch([bulk("Cu"), wrong], 3.0)


@pytest.mark.parametrize(
    "atoms",
    [
        Atoms("H", cell=[[1, 0, 0], [0, 1, 0], [1, 1, 0]], pbc=True),
        Atoms("H", [[0, 0, np.nan]], cell=[3, 3, 3], pbc=True),
    ],
    ids=["flat", "not finite"],
)
def test_flat_cells_and_positions_that_are_not_finite_are_refused(atoms):
    with pytest.raises(StructureError, match=r"finite numbers.*span a volume"):
        neighbor_batch([bulk("Cu"), atoms], 3.0)


@pytest.mark.parametrize("cutoff", [-1.0, 2.0 * LONGEST, 1e9, np.inf, np.nan, "6"])
def test_cutoffs_that_cannot_be_searched_are_refused(cutoff):
    with pytest.raises(SettingError, match="cutoff must be a length above 0 and up to 100"):
        neighbor_batch([bulk("Cu")], cutoff)


def test_number_of_neighbors_within_the_longest_cutoff_is_that_of_the_density():
    found = neighbor_batch([Atoms("He", cell=[4.0] * 3, pbc=True)], np.float32(LONGEST / 4))
    expected = 4.0 / 3.0 * np.pi * (LONGEST / 16) ** 3
    assert len(found.center) == pytest.approx(expected, rel=0.02)
