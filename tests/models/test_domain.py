"""What a model says of crystals unlike those it was trained on."""

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk

from ase_orbital import GOM, Predictor
from ase_orbital.errors import ModelError
from ase_orbital.graphs.crystal_graph import CrystalGraph
from ase_orbital.models import EOSNet

METALS, NONMETALS = ("Li", "Na", "K", "Rb", "Cs"), ("F", "Cl", "Br", "I")
EPSILON = torch.finfo(torch.float32).eps
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


def test_the_training_set_is_inside(trained):
    assert all(inside(trained, *SALTS))


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


def test_a_rattled_atom_is_outside(trained):
    crystal = bulk("NaCl", "rocksalt", a=5.6) * (2, 2, 2)
    assert inside(trained, crystal) == [1.0]
    crystal.positions[3] += [0.6, 0.4, 0.0]
    assert inside(trained, crystal) == [0.0]


def test_the_excess_is_that_of_the_projections():
    """Against numpy, by singular values of the rows less their element's mean."""
    model = EOSNet(GOM(n_eigenvalues=4), n_hidden=4)
    graph = CrystalGraph.batch(model.graphs(SALTS))
    model.domain.fit(graph)
    rows, numbers = graph.features.double().numpy(), graph.numbers.numpy()
    offset = rows.copy()
    for number in np.unique(numbers):
        offset[numbers == number] -= rows[numbers == number].mean(0)
    _, sizes, axes = np.linalg.svd(offset, full_matrices=False)
    deviations = sizes / np.sqrt(len(rows))
    axes = (axes.T / deviations)[:, deviations > 1e-5]
    projections = rows @ axes

    other = model.graphs([bulk("NaCl", "rocksalt", a=4.8)])[0]
    seen = other.features.double().numpy() @ axes
    excess = 0.0
    for number, row in zip(other.numbers.numpy(), seen, strict=True):
        low, high = (
            projections[numbers == number].min(0),
            projections[numbers == number].max(0),
        )
        excess = max(excess, *(low - row), *(row - high))
    assert float(model.domain.excess(other)) == pytest.approx(excess, rel=1e-3)
    assert excess > 0.0


def test_merged_atoms_have_the_same_distances(trained):
    others = [bulk("NaCl", "rocksalt", a=a) * (2, 1, 1) for a in (4.2, 4.6, 7.0)]
    graph = CrystalGraph.batch(trained.graphs(others))
    excess = trained.domain.excess(graph)
    assert (excess > 0.0).all()
    # Equivalent atoms may have features that differ in the last digit of float32; each
    # projection then differs by up to this digit times the sum of its absolute terms.
    sums = graph.features.abs() @ trained.domain.components.abs().T
    tolerance = EPSILON * float(sums.max())
    merged = trained.domain.excess(trained.batch(others))
    torch.testing.assert_close(merged, excess, rtol=EPSILON, atol=tolerance)


def test_the_excess_does_not_depend_on_the_order_of_summation(trained):
    """One atom alone and as one of many, for which matrix products take other paths."""
    (graph,) = trained.graphs([bulk("NaCl", "rocksalt", a=4.2)])
    alone = trained.domain.excess(graph)
    for n_copies in (2, 3, 7, 40):
        many = trained.domain.excess(CrystalGraph.batch([graph] * n_copies))
        torch.testing.assert_close(many, alone.expand(n_copies), rtol=EPSILON, atol=0.0)


def test_the_domain_is_saved_with_the_model(trained, tmp_path):
    trained.save(tmp_path)
    assert inside(tmp_path, SALTS[0], bulk("Cu")) == [1.0, 0.0]


def test_a_model_without_a_training_set_has_no_domain():
    with pytest.raises(ModelError, match="has no domain"):
        Predictor(EOSNet(n_hidden=8), device="cpu", domain=True)


def test_several_models_must_all_know_the_crystal(trained):
    other = EOSNet(n_hidden=8, property_name="fermi_energy").eval()
    other.domain.fit(
        CrystalGraph.batch(other.graphs([bulk("Cu", a=a) for a in (3.5, 3.7)]))
    )
    assert inside([trained, other], SALTS[0]) == [0.0]
    assert Predictor([trained], device="cpu", domain=True).units["in_domain"] == "1"
