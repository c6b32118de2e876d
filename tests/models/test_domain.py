"""What a model says of crystals unlike those it was trained on."""

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk

from ase_orbital import OneHot, Predictor
from ase_orbital.errors import ModelError
from ase_orbital.graphs.crystal_graph import CrystalGraph
from ase_orbital.graphs.equivalence import merge_equivalent
from ase_orbital.models import EOSNet

METALS, NONMETALS = ("Li", "Na", "K", "Rb", "Cs"), ("F", "Cl", "Br", "I")
SALTS = [
    bulk(metal + nonmetal, "rocksalt", a=a)
    for metal in METALS
    for nonmetal in NONMETALS
    for a in np.linspace(5.0, 6.4, 6)
]


@pytest.fixture(scope="module")
def trained():
    torch.manual_seed(0)
    model = EOSNet(n_hidden=8, property_name="band_gap").eval()
    model.domain.fit(CrystalGraph.batch(model.graphs(SALTS)))
    return model


def inside(model, *structures):
    predictor = Predictor(model, device="cpu", domain=True)
    return [row["in_domain"] for row in predictor.predict_many(structures)]


def test_nearly_all_of_the_training_set_is_inside(trained):
    assert np.mean(inside(trained, *SALTS)) >= 0.98


def test_a_length_between_those_seen_is_inside(trained):
    assert inside(trained, bulk("NaCl", "rocksalt", a=5.5)) == [1.0]


@pytest.mark.parametrize(
    "other",
    [
        bulk("NaCl", "rocksalt", a=3.4),
        bulk("Na", "bcc", a=4.29),
        bulk("NaCl", "cesiumchloride", a=3.0),
        bulk("Cu"),
        Atoms("NaCl3", scaled_positions=[[0, 0, 0], [0.5, 0, 0], [0, 0.5, 0], [0, 0, 0.5]],
              cell=[5.6] * 3, pbc=True),
    ],
    ids=["squeezed", "an element alone", "another structure", "unseen", "another formula"],
)  # fmt: skip
def test_other_crystals_are_outside(trained, other):
    assert inside(trained, other) == [0.0]


def test_distances_are_those_of_the_principal_components():
    """Against numpy: T squared and Q of mean rows of three elements."""
    model = EOSNet(OneHot(), n_hidden=4)
    random = np.random.default_rng(0)
    structures = [
        Atoms(random.choice([1, 6, 8], 6), positions=2.0 * np.eye(6, 3) * 0
              + 2.0 * np.arange(6)[:, None], cell=[20] * 3, pbc=True)
        for _ in range(50)
    ]  # fmt: skip
    graph = CrystalGraph.batch(model.graphs(structures))
    model.domain.fit(graph)
    rows = np.array([row.mean(0) for row in OneHot().create_many(structures)])
    offset = rows - rows.mean(0)
    covariance = offset.T @ offset / (len(rows) - 1)
    expected = np.einsum("ni,ij,nj->n", offset, np.linalg.pinv(covariance, 1e-6), offset)
    within, across = model.domain.distances(graph).numpy()
    np.testing.assert_allclose(within, expected, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(across, 0.0, atol=1e-9)


def test_merged_atoms_have_the_same_distances(trained):
    graph = CrystalGraph.batch(trained.graphs([salt * (2, 1, 1) for salt in SALTS[:5]]))
    torch.testing.assert_close(
        trained.domain.distances(merge_equivalent(graph)), trained.domain.distances(graph)
    )


def test_the_domain_is_saved_with_the_model(trained, tmp_path):
    trained.save(tmp_path)
    assert inside(tmp_path, SALTS[0], bulk("Cu")) == [1.0, 0.0]


def test_a_model_without_a_training_set_has_no_domain():
    with pytest.raises(ModelError, match="does not know its domain"):
        Predictor(EOSNet(n_hidden=8), device="cpu", domain=True)


def test_several_models_must_all_know_the_crystal(trained):
    other = EOSNet(n_hidden=8, property_name="fermi_energy").eval()
    other.domain.fit(
        CrystalGraph.batch(other.graphs([bulk("Cu", a=a) for a in (3.5, 3.7)]))
    )
    assert inside([trained, other], SALTS[0]) == [0.0]
    assert Predictor([trained], device="cpu", domain=True).units["in_domain"] == "1"
