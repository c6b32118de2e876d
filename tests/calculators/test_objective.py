"""ObjectiveCalculator: forces of whole models, and energies of terms."""

import numpy as np
import pytest
import torch
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.fd import calculate_numerical_forces, calculate_numerical_stress
from ase.filters import FrechetCellFilter
from ase.optimize import FIRE
from numpy.testing import assert_allclose

import ase_orbital
from ase_orbital import GOM, Concatenate, OneHot, OrientationalOrder, Predictor
from ase_orbital.errors import ElementError, ModelError, SettingError
from ase_orbital.models import EOSNet, OCrystalNet
from ase_orbital.search import (
    AtLeast,
    AtMost,
    Maximize,
    Minimize,
    ObjectiveCalculator,
    Target,
)

from ..structures import PEROVSKITE, distorted

BULK, GAP = "eosnet-bulk-modulus-mp", "eosnet-band-gap-mp2018"


def small(network=EOSNet, descriptor=None, **settings):
    torch.manual_seed(0)
    rows = descriptor or Concatenate(OneHot(), GOM(n_eigenvalues=20, normalize=True))
    return network(rows, property_name="band_gap", n_hidden=16, **settings)


def assert_slopes(atoms, force, stress):
    forces, found = atoms.get_forces(), atoms.get_stress()
    assert np.abs(forces).max() > 10 * force
    assert_allclose(forces, calculate_numerical_forces(atoms, eps=1e-5), atol=force)
    assert_allclose(found, calculate_numerical_stress(atoms, eps=1e-6), atol=stress)
    assert_allclose(forces.sum(axis=0), 0.0, atol=1e-9)


@pytest.mark.parametrize("size", [0.15, 0.03])  # Å; at 0.03 shells are partly counted
@pytest.mark.parametrize(
    ("name", "term"),
    [
        (BULK, Maximize("bulk_modulus", 0.1)),
        (BULK, Minimize("bulk_modulus_std", 0.1)),
        (GAP, Target("band_gap", 1.0)),
        (GAP, AtMost("band_gap", 1.0, 2.0)),
        (GAP, AtLeast("band_gap", 5.0, 2.0)),
        ("eosnet-metal-mp2018", Maximize("metal_probability", 10.0)),
    ],
)
def test_forces_and_stress_are_those_of_finite_differences(name, term, size):
    atoms = distorted(PEROVSKITE, size)
    atoms.calc = ObjectiveCalculator(name, [term])
    assert_slopes(atoms, 2e-6, 1e-7)


@pytest.mark.parametrize(
    "model",
    [
        small(
            radius=4.0, n_neighbors=14
        ),  # farther than the radius: some level at its limit
        small(n_neighbors=3, smoothing=0.5),
        small(descriptor=GOM(n_eigenvalues=10, orbitals="sp", cutoff=4.0)),
        small(descriptor=Concatenate(OneHot(), OrientationalOrder())),
        small(OCrystalNet, n_neighbors=6, smoothing=0.3),
    ],
    ids=["limit", "soft", "sp", "angles", "both ways"],
)
def test_forces_are_exact_for_any_connectivity(model):
    atoms = distorted(PEROVSKITE, 0.1)
    atoms.calc = ObjectiveCalculator(model, [Maximize("band_gap", 100.0)])
    assert_slopes(atoms, 1e-6, 1e-7)


def test_values_are_those_of_a_predictor():
    for atoms in (PEROVSKITE, distorted(PEROVSKITE, 0.1)):
        atoms = atoms.copy()
        atoms.calc = ObjectiveCalculator([BULK, GAP], [Maximize("bulk_modulus")])
        energy = atoms.get_potential_energy()
        values = atoms.calc.values
        assert energy == -values["bulk_modulus"]
        predicted = Predictor([BULK, GAP], device="cpu", dtype="float64").predict(atoms)
        assert {name: values[name] for name in predicted} == pytest.approx(predicted)
        model = ase_orbital.load_model(BULK).double()
        alone = float(model.predict_structure(atoms))
        assert values["bulk_modulus"] == pytest.approx(alone, rel=1e-6)
        with torch.no_grad():
            excess = float(model.assess(model.outputs(model.batch([atoms]))).domain_excess)
        assert values["domain_excess"] >= excess - 1e-6


@pytest.mark.parametrize("second_shell", [7.91, 7.97, 7.99])
def test_values_are_those_of_a_predictor_with_neighbors_at_the_radius(second_shell):
    # 18 within 8 Å, of which 12 so far out that they do not fill up 12.
    atoms = bulk("Cs", "sc", a=second_shell / np.sqrt(2.0)).repeat((2, 1, 1))
    atoms.rattle(0.002, seed=1)
    atoms.calc = ObjectiveCalculator(GAP, [Minimize("band_gap")])
    predicted = Predictor(GAP, device="cpu", dtype="float64").predict(atoms)
    assert atoms.get_potential_energy() == pytest.approx(predicted["band_gap"], abs=1e-9)


def test_a_committee_bounds_each_of_its_models():
    models = [small(target_mean=mean, target_scale=0.1) for mean in (-1.0, 1.0)]
    atoms = distorted(PEROVSKITE, 0.1)
    atoms.calc = ObjectiveCalculator(models, [Minimize("band_gap")])
    energy = atoms.get_potential_energy()
    predicted = Predictor(models, device="cpu", dtype="float64").predict(atoms)
    assert atoms.calc.values == pytest.approx(predicted)
    assert energy == pytest.approx(predicted["band_gap"])
    assert energy > 0.4  # the mean without the bound is near 0


def test_several_models_have_a_mean_and_a_standard_deviation():
    models = [small(target_mean=2.0), small(target_mean=3.0)]
    atoms = distorted(PEROVSKITE, 0.1)
    atoms.calc = ObjectiveCalculator(models, [Minimize("band_gap_std")])
    energy = atoms.get_potential_energy()
    assert energy == pytest.approx(np.sqrt(0.5), rel=1e-5)
    predicted = Predictor(models, device="cpu", dtype="float64").predict(atoms)
    assert atoms.calc.values == pytest.approx(predicted)


def test_energies_of_terms_are_those_of_the_documentation():
    model = small(target_mean=2.0)
    atoms = distorted(PEROVSKITE, 0.1)

    def energy(*terms):
        return ObjectiveCalculator(model, terms).get_potential_energy(atoms)

    value = energy(Minimize("band_gap"))
    assert energy(Maximize("band_gap", 3.0)) == pytest.approx(-3.0 * value)
    assert energy(Target("band_gap", 1.5, 2.0)) == pytest.approx(2.0 * (value - 1.5) ** 2)
    assert energy(AtMost("band_gap", value - 0.5, 4.0)) == pytest.approx(1.0)
    assert energy(AtLeast("band_gap", value + 0.5, 4.0)) == pytest.approx(1.0)
    assert energy(AtMost("band_gap", value + 0.5), AtLeast("band_gap", value - 0.5)) == 0.0


@pytest.mark.parametrize(
    "term", [Maximize("band_gap"), Target("band_gap", 1.0), AtLeast("band_gap", 0.5)]
)
def test_a_band_gap_at_zero_has_forces_that_open_it(term):
    atoms = distorted(PEROVSKITE, 0.1)
    atoms.calc = ObjectiveCalculator(small(target_mean=-8.0), [term])
    energy = atoms.get_potential_energy()
    assert atoms.calc.values["band_gap"] == 0.0
    assert energy > float(term.energy(torch.tensor(0.0)))
    assert_slopes(atoms, 1e-6, 1e-7)


@pytest.mark.parametrize("term", [Minimize("band_gap"), AtMost("band_gap", 1.0)])
def test_a_band_gap_at_zero_is_the_least(term):
    atoms = distorted(PEROVSKITE, 0.1)
    atoms.calc = ObjectiveCalculator(small(target_mean=-8.0), [term])
    assert atoms.get_potential_energy() == 0.0
    assert_allclose(atoms.get_forces(), 0.0, atol=1e-12)


def test_a_relaxation_is_kept_in_the_domain_by_one_argument():
    atoms = bulk("Cu", a=6.5)
    atoms.calc = ObjectiveCalculator(BULK, [Maximize("bulk_modulus")], inside_domain=True)
    energy = atoms.get_potential_energy()
    values = atoms.calc.values
    assert values["domain_excess"] > 0.0
    penalty = 100.0 * values["domain_excess"] ** 2
    assert energy == pytest.approx(penalty - values["bulk_modulus"])
    with pytest.raises(SettingError, match="'domain_excess' is not predicted"):
        ObjectiveCalculator(small(), [Maximize("band_gap")], inside_domain=True)


def test_forces_of_a_symmetric_crystal_are_zero_by_symmetry():
    atoms = PEROVSKITE.copy()
    atoms.calc = ObjectiveCalculator(
        [BULK, GAP], [Maximize("bulk_modulus"), Target("band_gap", 3.0)]
    )
    assert_allclose(atoms.get_forces(), 0.0, atol=1e-9)
    assert_allclose(atoms.get_stress()[:3], atoms.get_stress()[0], atol=1e-10)
    assert_allclose(atoms.get_stress()[3:], 0.0, atol=1e-10)


def test_an_optimizer_moves_a_band_gap_to_its_target():
    atoms = distorted(PEROVSKITE, 0.05)
    atoms.calc = ObjectiveCalculator(GAP, [Target("band_gap", 2.0, weight=5.0)])
    FIRE(FrechetCellFilter(atoms), logfile=None).run(fmax=0.05, steps=60)
    assert atoms.calc.values["band_gap"] == pytest.approx(2.0, abs=0.05)
    found = Predictor(GAP, device="cpu").predict(atoms)["band_gap"]
    assert found == pytest.approx(2.0, abs=0.05)


def test_a_base_is_added_to_the_objective():
    atoms = bulk("Cu", cubic=True)
    atoms.rattle(0.1, seed=0)
    model = small()
    terms = [Maximize("band_gap", 2.0)]
    both = ObjectiveCalculator(model, terms, base=EMT())
    energies = [calc.get_potential_energy(atoms) for calc in (both, EMT())]
    assert energies[0] - energies[1] == pytest.approx(both.contributions["objective"])
    alone = ObjectiveCalculator(model, terms).get_forces(atoms)
    assert_allclose(both.get_forces(atoms) - EMT().get_forces(atoms), alone, atol=1e-12)


def test_properties_and_terms_are_shown():
    shown = repr(ObjectiveCalculator(small(), [Minimize("band_gap")], base=EMT()))
    assert shown == (
        "ObjectiveCalculator(base=emt, properties=['band_gap'], "
        "terms=[\"Minimize(name='band_gap', weight=1.0)\"])"
    )


def test_invalid_models_and_terms_are_explained():
    with pytest.raises(ModelError, match=r"bulk_modulus has no forces: OFM has no deriv"):
        ObjectiveCalculator("ocrystalnet-bulk-modulus-mp", [Maximize("bulk_modulus")])
    with pytest.raises(ModelError, match="counts exactly the nearest neighbors"):
        ObjectiveCalculator(small(smoothing=None), [Maximize("band_gap")])
    with pytest.raises(ModelError, match="no-such-model"):
        ObjectiveCalculator("no-such-model", [Maximize("band_gap")])
    with pytest.raises(ModelError, match="a Linear is not a property model"):
        ObjectiveCalculator(torch.nn.Linear(1, 1), [Maximize("band_gap")])
    with pytest.raises(ModelError, match="at least one model"):
        ObjectiveCalculator([], [Maximize("band_gap")])
    with pytest.raises(SettingError, match="at least one term"):
        ObjectiveCalculator(small(), [])
    with pytest.raises(SettingError, match="'gap' is not predicted; the models have ba"):
        ObjectiveCalculator(small(), [Maximize("gap")])
    with pytest.raises(SettingError, match="is not a term"):
        ObjectiveCalculator(small(), ["band_gap"])
    with pytest.raises(ElementError, match="Cu, which is not among"):
        ObjectiveCalculator(
            small(elements=[8]), [Maximize("band_gap")]
        ).get_potential_energy(bulk("Cu"))
