"""AGOX itself, where it is installed: its models and searches with what is ours."""

import math

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT

from ase_orbital import GOM, OFM, Predictor
from ase_orbital.errors import ElementError, SettingError

pytest.importorskip("agox")
pytestmark = pytest.mark.filterwarnings("ignore")  # AGOX's own

BULK_MODULUS = "eosnet-bulk-modulus-mp"


@pytest.fixture(scope="module")
def environment():
    from agox.environments import Environment

    cell = np.diag([4.6, 4.6, 4.6])
    template = Atoms(cell=cell, pbc=True)
    return Environment(
        template=template,
        symbols="Cu3Au",
        confinement_cell=cell,
        confinement_corner=np.zeros(3),
        box_constraint_pbc=[True] * 3,
        print_report=False,
    )


def candidate_of(atoms):
    from agox.candidates import StandardCandidate

    return StandardCandidate.from_atoms(Atoms(pbc=atoms.pbc, cell=atoms.cell), atoms)


@pytest.fixture
def alloy():
    atoms = bulk("Cu", cubic=True)
    atoms.symbols[0] = "Au"
    atoms.rattle(0.1, seed=2)
    return candidate_of(atoms)


@pytest.mark.parametrize("descriptor", [GOM(n_eigenvalues=20), OFM()], ids=["GOM", "OFM"])
def test_features_are_rows_of_the_atoms_and_are_kept(alloy, environment, descriptor):
    from ase_orbital.integrations.agox import OrbitalDescriptor

    theirs = OrbitalDescriptor(descriptor, environment)
    (features,) = theirs.get_features([alloy])
    np.testing.assert_array_equal(features, descriptor.create(alloy))
    assert len(features) == theirs.get_number_of_centers(alloy)
    assert theirs.get_features(alloy) is features  # kept with the candidate
    alloy.positions[0, 0] += 0.05
    np.testing.assert_array_equal(theirs.get_features(alloy), descriptor.create(alloy))


def test_gradients_have_the_axes_agox_wants(alloy):
    from ase_orbital.integrations.agox import OrbitalDescriptor

    theirs = OrbitalDescriptor(GOM(n_eigenvalues=12))
    exact = theirs.get_feature_gradient(alloy)
    assert exact.shape == (4, 4, 3, 12)
    np.testing.assert_allclose(exact, theirs.central_difference_gradient(alloy), atol=1e-6)


def test_a_descriptor_without_gradients_gets_central_differences(alloy):
    from ase_orbital.integrations.agox import OrbitalDescriptor

    theirs = OrbitalDescriptor(OFM())
    gradient = theirs.get_feature_gradient(alloy)
    assert gradient.shape == (4, 4, 3, OFM().n_features)
    # An OFM does not change when all atoms move together.
    np.testing.assert_allclose(gradient.sum(axis=1), 0.0, atol=1e-6)
    assert np.abs(gradient).max() > 0.01


def test_rows_of_any_length_are_refused():
    from ase_orbital.integrations.agox import OrbitalDescriptor

    with pytest.raises(SettingError, match="n_eigenvalues=64"):
        OrbitalDescriptor(GOM())


def test_a_sampler_of_agox_tells_crystals_apart(alloy):
    from agox.samplers import KMeansSampler

    from ase_orbital.integrations.agox import OrbitalDescriptor

    rng = np.random.default_rng(0)
    other = alloy.copy()
    other.symbols[1] = "Au"
    candidates = []
    for original in [alloy, other] * 8:
        one = original.copy()
        one.positions += rng.normal(scale=0.05, size=one.positions.shape)
        one.calc = EMT()
        candidates.append(one)
    descriptor = OrbitalDescriptor(GOM(n_eigenvalues=40))
    sampler = KMeansSampler(descriptor=descriptor, sample_size=2)
    sampler.setup(candidates)
    # One of each kind: that of lowest energy.
    kinds = [one.get_chemical_formula() for one in sampler.sample]
    assert sorted(kinds) == ["Au2Cu2", "AuCu3"]
    for chosen, kind in zip(sampler.sample, kinds, strict=True):
        alike = [one for one in candidates if one.get_chemical_formula() == kind]
        energies = [one.get_potential_energy() for one in alike]
        assert chosen.get_potential_energy() == min(energies)


def test_a_search_has_properties_of_the_relaxed_candidates_in_its_database(
    environment, tmp_path, monkeypatch
):
    from agox import AGOX
    from agox.databases import Database
    from agox.evaluators import LocalOptimizationEvaluator
    from agox.generators import RandomGenerator

    from ase_orbital.integrations.agox import PredictPostprocess

    monkeypatch.chdir(tmp_path)  # AGOX leaves pictures where it runs
    predictor = Predictor(BULK_MODULUS, device="cpu")
    database = Database(filename=str(tmp_path / "search.db"))
    generator = RandomGenerator(**environment.get_confinement(), environment=environment)
    evaluator = LocalOptimizationEvaluator(
        EMT(),
        gets={"get_key": "candidates"},
        optimizer_run_kwargs={"fmax": 0.1, "steps": 10},
    )
    AGOX(generator, evaluator, PredictPostprocess(predictor), database, seed=1).run(
        N_iterations=3
    )
    stored = Database(filename=str(tmp_path / "search.db"))
    stored.restore_to_memory()
    found = stored.get_all_candidates()
    assert sum(bool(one.get_meta_information("final")) for one in found) == 3
    assert len(found) > 3  # steps of the relaxations, too
    for one in found:
        expected = predictor.predict(Atoms(one))
        assert one.get_meta_information("orbital_bulk_modulus") == pytest.approx(
            expected["bulk_modulus"], rel=1e-5
        )
        assert one.has_meta_information("orbital_bulk_modulus_std")


def test_what_cannot_be_predicted_does_not_end_a_search(alloy):
    from ase_orbital.integrations.agox import PredictPostprocess

    together = alloy.copy()
    together.positions[1] = together.positions[0]
    first, none_there = PredictPostprocess(BULK_MODULUS).process_list([together, alloy])
    assert math.isnan(first.get_meta_information("orbital_bulk_modulus"))
    assert "closer than" in first.get_meta_information("orbital_reason")
    assert none_there.get_meta_information("orbital_bulk_modulus") > 0.0
    assert not none_there.has_meta_information("orbital_reason")


def test_an_element_no_model_has_seen_ends_it_at_once():
    from ase_orbital.integrations.agox import PredictPostprocess

    alien = candidate_of(Atoms("Og", cell=[5, 5, 5], pbc=True))
    with pytest.raises(ElementError, match="Og"):
        PredictPostprocess(BULK_MODULUS).process_list([alien])


def test_what_the_page_shows_runs(run_section):
    found = run_section("AGOX")["database"].get_all_candidates()
    assert all(one.has_meta_information("orbital_bulk_modulus") for one in found)
    assert found
