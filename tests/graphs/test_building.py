"""How far the search goes makes no difference to the graph."""

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk, molecule

from ase_orbital import GOM
from ase_orbital.graphs import building
from ase_orbital.graphs.building import build_batch
from ase_orbital.graphs.connectivity import Connectivity

GAUSSIANS = GOM(cutoff=6.0, n_eigenvalues=20)
RATTLED = bulk("NaCl", "rocksalt", a=5.64, cubic=True)
RATTLED.rattle(0.1, seed=1)
DENSE = [bulk("C"), bulk("Cu"), RATTLED]
# Thirteen neighbors within 6 Å less the transition, or not.
SPARSE = [bulk("Xe", "fcc", a=8.6), bulk("Cs", "bcc", a=6.9), bulk("Po", "sc", a=5.95)]
OPEN = [molecule("C6H6"), Atoms("H"), Atoms("H2", [[0, 0, 0], [0, 0, 7.0]])]


def searched(monkeypatch, structures, connectivity):
    """The batch, and up to which radius each structure was searched."""
    radii = {}

    def watched(chosen, radius, dtype):
        radii.update((id(atoms), radius) for atoms in chosen)
        return survey_many(chosen, radius, dtype)

    survey_many = building.survey_many
    monkeypatch.setattr(building, "survey_many", watched)
    graph = build_batch(structures, GAUSSIANS, connectivity, torch.float64)
    return graph, [radii[id(atoms)] for atoms in structures]


@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize("n_neighbors", [4, 12])
def test_edges_are_those_of_the_whole_radius(monkeypatch, symmetric, n_neighbors):
    connectivity = Connectivity(
        radius=8.0, n_neighbors=n_neighbors, smoothing=0.1, symmetric=symmetric
    )
    structures = DENSE + SPARSE + OPEN
    found, _ = searched(monkeypatch, structures, connectivity)
    monkeypatch.setattr(Connectivity, "within", lambda *_: False)
    expected, radii = searched(monkeypatch, structures, connectivity)
    assert set(radii) == {8.0}
    for name in ("target", "source", "shift", "distance", "weight", "features"):
        assert torch.equal(getattr(found, name), getattr(expected, name)), name


def test_only_atoms_with_few_neighbors_are_searched_farther(monkeypatch):
    connectivity = Connectivity(radius=8.0, n_neighbors=12, smoothing=0.1)
    _, radii = searched(monkeypatch, DENSE + SPARSE + OPEN, connectivity)
    assert radii == [6.0, 6.0, 6.0, 8.0, 8.0, 8.0, 8.0, 8.0, 8.0]


def test_exactly_the_nearest_need_the_whole_radius(monkeypatch):
    connectivity = Connectivity(radius=8.0, n_neighbors=12, smoothing=None)
    _, radii = searched(monkeypatch, DENSE, connectivity)
    assert set(radii) == {8.0}


def test_a_neighbor_at_the_end_of_the_reach_decides():
    """The thirteenth of a chain along each axis comes in by the width of the transition."""
    connectivity = Connectivity(radius=8.0, n_neighbors=6, smoothing=0.5)
    for length, near in ((2.7, True), (2.8, False)):  # the second shell at 5.4 or 5.6 Å
        chain = Atoms("Po", cell=[length] * 3, pbc=True).repeat((3, 1, 1))
        chain.set_pbc([True, False, False])
        (around,) = building.survey_many([chain], 6.0, "float64")
        distances = np.unique(around.pairs.distance.round(6))
        assert distances.tolist() == [length, 2 * length]
        fewer = Connectivity(radius=8.0, n_neighbors=3, smoothing=0.5)
        assert fewer.within(around, 6.0) is near
        assert not connectivity.within(around, 6.0)
