"""Compiled overlap matrices against those of torch."""

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk, molecule
from numpy.testing import assert_allclose

from ase_orbital import GOM
from ase_orbital.elements import covalent_radii
from ase_orbital.neighbors.batch import neighbor_batch
from ase_orbital.numerics.packing import pack
from ase_orbital.overlap.differentiable import overlap_matrices
from ase_orbital.overlap.environments import by_size, environment_extents, environments_of
from ase_orbital.overlap.matrices import Gaussians, full_triangles

RATTLED = bulk("NaCl", "rocksalt", a=5.64, cubic=True)
RATTLED.rattle(0.1, seed=1)
STRUCTURES = {
    "salt": RATTLED, "diamond": bulk("C"), "ethanol": molecule("CH3CH2OH"),
    "three elements": Atoms("HFeU", [[0, 0, 0], [1.7, 0, 0], [0, 2.9, 0.4]]),
}  # fmt: skip


def batch_of(atoms, cutoff):
    batch = neighbor_batch([atoms], cutoff, symmetry=False)
    elements, species = np.unique(batch.numbers, return_inverse=True)
    gaussians = Gaussians(species, covalent_radii()[elements])
    return batch, gaussians, environment_extents(batch, cutoff, 256)


def matrix_of(triangles, packs, index):
    """Lower triangle of a matrix in packs of matrices of one size."""
    own = np.searchsorted(packs.first, index, "right") - 1
    n, lanes = packs.size[own], packs.lanes[own]
    begin = packs.start[own] + index - packs.first[own]
    matrix = np.zeros((n, n), triangles.dtype)
    matrix[np.tril_indices(n)] = triangles[begin : packs.start[own + 1] : lanes]
    return matrix


@pytest.mark.parametrize("name", STRUCTURES)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("cutoff", [2.1, 6.0])
def test_matrices_are_those_of_torch(name, dtype, cutoff):
    atoms = STRUCTURES[name]
    widths = covalent_radii()[atoms.numbers]
    batch, gaussians, extents = batch_of(atoms, cutoff)
    for index in by_size(extents.sizes, 2**18):
        part = environments_of(batch, extents.sizes, index)
        expected = overlap_matrices(
            torch.as_tensor(part.points, dtype=getattr(torch, dtype)),
            torch.as_tensor(widths[part.atoms], dtype=getattr(torch, dtype)),
            cutoff=cutoff,
            orbitals="s",
        )
        packs = pack(extents.sizes[index])
        triangles = full_triangles(batch, gaussians, extents, index, packs, dtype)
        assert triangles.dtype == dtype
        tolerance = 1e-14 if dtype == "float64" else 1e-6
        for at in range(len(index)):
            found = matrix_of(triangles, packs, at)
            assert_allclose(found, expected[at].tril(), rtol=0, atol=tolerance)


def test_an_atom_at_the_cutoff_overlaps_with_nothing():
    cutoff = 2.0
    hydrogen = Atoms("H2", [[0, 0, 0], [0, 0, 1.0]])
    batch, gaussians, extents = batch_of(hydrogen, cutoff)
    at_rim = batch._replace(vector=batch.vector * 2.0)
    one = np.arange(1)
    triangles = full_triangles(
        at_rim, gaussians, extents, one, packs := pack(extents.sizes[one]), "float64"
    )
    assert matrix_of(triangles, packs, 0).tolist() == [[1.0, 0.0], [0.0, 0.0]]


def test_features_are_the_same_with_and_without_a_gradient():
    gom = GOM(cutoff=5.0)
    found = gom.create(RATTLED)
    batch, _, (sizes, _) = batch_of(RATTLED, 5.0)
    for index in by_size(sizes, 2**18):
        part = environments_of(batch, sizes, index)
        points = torch.tensor(part.points, requires_grad=True)
        widths = torch.tensor(covalent_radii()[RATTLED.numbers][part.atoms])
        matrices = overlap_matrices(points, widths, cutoff=5.0, orbitals="s")
        values = torch.linalg.eigvalsh(matrices.detach()).flip(-1)
        assert_allclose(found[index, : values.shape[1]], values, atol=1e-12)
