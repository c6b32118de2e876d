"""Compiled overlap matrices against those of torch."""

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk, molecule
from numpy.testing import assert_allclose

from ase_orbital import GOM
from ase_orbital.elements import covalent_radii
from ase_orbital.neighbors.batch import survey
from ase_orbital.numerics.packing import packed
from ase_orbital.overlap.differentiable import overlap_matrices
from ase_orbital.overlap.environments import gather
from ase_orbital.overlap.matrices import overlap_triangles

RATTLED = bulk("NaCl", "rocksalt", a=5.64, cubic=True)
RATTLED.rattle(0.1, seed=1)
STRUCTURES = {
    "salt": RATTLED, "diamond": bulk("C"), "ethanol": molecule("CH3CH2OH"),
    "three elements": Atoms("HFeU", [[0, 0, 0], [1.7, 0, 0], [0, 2.9, 0.4]]),
}  # fmt: skip


def parts_of(atoms, cutoff):
    gathered = gather([survey(atoms, cutoff, symmetry=False)], cutoff, 256)
    return gathered, gathered.parts(np.arange(len(atoms)), 2**18, 1)


def matrix_of(triangles, sheaves, index):
    """Lower triangle of a matrix in sheaves of matrices of one size."""
    sheaf = np.searchsorted(sheaves.first, index, "right") - 1
    n, lanes = sheaves.size[sheaf], sheaves.lanes[sheaf]
    begin = sheaves.start[sheaf] + index - sheaves.first[sheaf]
    matrix = np.zeros((n, n), triangles.dtype)
    matrix[np.tril_indices(n)] = triangles[begin : sheaves.start[sheaf + 1] : lanes]
    return matrix


@pytest.mark.parametrize("name", STRUCTURES)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("cutoff", [2.1, 6.0])
def test_matrices_are_those_of_torch(name, dtype, cutoff):
    atoms = STRUCTURES[name]
    widths = covalent_radii()[atoms.numbers]
    gathered, parts = parts_of(atoms, cutoff)
    for part in parts:
        expected = overlap_matrices(
            torch.as_tensor(part.points, dtype=getattr(torch, dtype)),
            torch.as_tensor(widths[part.atoms], dtype=getattr(torch, dtype)),
            cutoff=cutoff,
            orbitals="s",
        )
        different, kind = np.unique(widths, return_inverse=True)
        sheaves = packed(gathered.size[part.center])
        triangles = overlap_triangles(
            gathered, part.center, sheaves, different, kind, cutoff, dtype
        )
        assert triangles.dtype == dtype
        tolerance = 1e-14 if dtype == "float64" else 1e-6
        for index in range(len(part.center)):
            found = matrix_of(triangles, sheaves, index)
            assert_allclose(found, expected[index].tril(), rtol=0, atol=tolerance)


def test_an_atom_at_the_rim_overlaps_with_nothing():
    cutoff = 2.0
    gathered, _ = parts_of(Atoms("H2", [[0, 0, 0], [0, 0, 1.0]]), cutoff)
    at_rim = gathered._replace(vector=gathered.vector * 2.0)
    width, kind = covalent_radii()[[1]], np.zeros(2, np.int64)
    sheaves, one = packed(np.array([2])), np.arange(1)
    triangles = overlap_triangles(at_rim, one, sheaves, width, kind, cutoff, "float64")
    assert matrix_of(triangles, sheaves, 0).tolist() == [[1.0, 0.0], [0.0, 0.0]]


def test_rows_are_the_same_with_and_without_a_gradient():
    gom = GOM(cutoff=5.0)
    found = gom.create(RATTLED)
    around = survey(RATTLED, 5.0, symmetry=False)
    gathered = gather([around], 5.0, 256)
    for part in gathered.parts(np.arange(8), 2**18, 1):
        points = torch.tensor(part.points, requires_grad=True)
        widths = torch.tensor(covalent_radii()[RATTLED.numbers][part.atoms])
        matrices = overlap_matrices(points, widths, cutoff=5.0, orbitals="s")
        values = torch.linalg.eigvalsh(matrices.detach()).flip(-1)
        assert_allclose(found[part.center, : values.shape[1]], values, atol=1e-12)
