"""Formation energies and distances from the hull have the values of closed forms."""

import math

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.calculator import Calculator, all_changes
from ase.calculators.emt import EMT
from ase.optimize import BFGS

from ase_orbital import PropertyCalculator
from ase_orbital.errors import ElementError, ModelError, SettingError, StructureError
from ase_orbital.search import Hull, MinimaRecorder, Minimize, Recorder, Score

CU, AU = bulk("Cu"), bulk("Au")
CU_AU = bulk("CuAu", "cesiumchloride", a=3.2)
CU3_AU = Atoms(
    "AuCu3",
    scaled_positions=[[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]],
    cell=[3.75] * 3,
    pbc=True,
)
# eV/atom at the best volume, by formula. The formation energy of CuAu is -0.5.
ENERGIES = {"Cu": -3.0, "Au": -4.0, "AuCu": -4.0, "AuCu3": -3.4}
BEST = 12.0  # Å^3/atom
STIFF = 0.02  # eV/Å^6


class Table(Calculator):
    """Energies from a table, harmonic in the volume, and the number of evaluations."""

    implemented_properties = ("energy", "forces", "stress")

    def __init__(self, shift=0.0):
        super().__init__()
        self.shift, self.count = shift, 0

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        self.count += 1
        n, formula = len(atoms), atoms.symbols.formula.reduce()[0].format("hill")
        strain = atoms.get_volume() / n - BEST
        energy = n * (ENERGIES[formula] + self.shift + STIFF * strain**2)
        stress = np.array([1.0, 1, 1, 0, 0, 0]) * 2 * STIFF * strain
        self.results = {"energy": energy, "forces": np.zeros((n, 3)), "stress": stress}


def at_best(atoms):
    """Copy with the volume of the lowest energy."""
    copy = atoms.copy()
    copy.set_cell(copy.cell * (BEST * len(copy) / copy.get_volume()) ** (1 / 3), True)
    return copy


@pytest.fixture
def hull():
    return Hull(Table(), [CU, AU, CU_AU])


@pytest.mark.parametrize(
    ("atoms", "formation", "above"),
    [
        (CU, 0.0, 0.0),
        (CU_AU, -0.5, 0.0),
        # -3.4 - (3 * -3.0 - 4.0) / 4 = -0.15; the hull has -0.25 there.
        (CU3_AU, -0.15, 0.1),
    ],
    ids=["element", "phase on the hull", "phase above it"],
)
def test_energies_are_those_of_the_hull_of_relaxed_phases(hull, atoms, formation, above):
    assert hull.energies(at_best(atoms) * (1, 1, 2)) == {
        "calculated_formation_energy_per_atom": pytest.approx(formation, abs=2e-4),
        "energy_above_hull": pytest.approx(above, abs=2e-4),
    }


def test_a_structure_more_stable_than_all_phases_is_below_the_hull():
    found = Hull(Table(), [CU, AU]).energies(at_best(CU_AU))
    assert found["energy_above_hull"] == pytest.approx(-0.5, abs=2e-4)


def test_the_distance_is_that_of_the_structure_as_it_is(hull):
    stretched = at_best(CU_AU)
    stretched.set_cell(stretched.cell * 1.1 ** (1 / 3), scale_atoms=True)
    above = STIFF * (0.1 * BEST) ** 2
    assert hull.energies(stretched)["energy_above_hull"] == pytest.approx(above, abs=2e-4)


def test_an_energy_can_be_given_in_the_place_of_a_calculation(hull):
    hull.phase_diagram({"Cu", "Au"})
    before = hull.calculator.count
    assert hull.energies(CU_AU, energy=2 * -4.2)["energy_above_hull"] == pytest.approx(
        -0.2, abs=2e-4
    )
    assert hull.calculator.count == before


def test_the_lowest_phase_of_an_element_is_the_reference():
    class Both(Table):
        def calculate(self, atoms, *arguments):
            super().calculate(atoms, *arguments)
            if len(atoms) == 4:  # another phase of copper
                self.results["energy"] -= 0.4

    cubic = bulk("Cu", cubic=True)
    for order in ([CU, cubic, AU], [cubic, CU, AU]):
        found = Hull(Both(), order).energies(at_best(CU))
        assert found["energy_above_hull"] == pytest.approx(0.1, abs=2e-4)


def test_only_phases_of_the_elements_are_relaxed(hull):
    hull.energies(at_best(CU))
    assert {str(entry.composition) for entry in hull.phase_diagram({"Cu"}).entries} == {
        "Cu1"
    }
    count = hull.calculator.count
    hull.energies(at_best(CU))
    assert hull.calculator.count == count + 1  # the phase was calculated last


def test_an_element_without_phase_is_named(hull):
    with pytest.raises(ElementError, match="no reference phase of O; add the elemental"):
        hull.energies(bulk("CuO", "rocksalt", a=4.2))
    with pytest.raises(ElementError, match="no reference phase of Au, O"):
        Hull(Table(), [CU, CU_AU]).phase_diagram({"Cu", "Au", "O"})


def test_an_energy_that_is_not_finite_is_refused(hull):
    with pytest.raises(ModelError, match="the energy of CuAu is nan"):
        hull.energies(CU_AU, energy=math.nan)


def test_a_calculator_is_required():
    with pytest.raises(SettingError, match="needs a calculator"):
        Hull(None, [CU])
    with pytest.raises(SettingError, match="not its class"):
        Hull(EMT, [CU])


def test_references_are_a_list_of_crystals():
    with pytest.raises(StructureError, match="takes a list"):
        Hull(Table(), CU)


def test_a_run_with_the_potential_of_the_hull_needs_no_extra_evaluations(predictor):
    """Energies are recorded beside the predicted properties."""
    counts = []
    for hull in (None, Hull(Table(), [CU, AU, CU_AU])):
        table = Table() if hull is None else hull.calculator
        atoms = CU_AU.copy()
        atoms.calc = PropertyCalculator(predictor, base=table)
        atoms.rattle(0.05, seed=0)
        recorder = Recorder(predictor, hull=hull)
        with BFGS(atoms, logfile=None) as optimizer:
            recorder.watch(optimizer)
            table.count = 0
            optimizer.run(fmax=-1.0, steps=3)
        counts.append(table.count)
    assert counts[0] == counts[1]
    last = recorder.records[-1]
    names = ["calculated_formation_energy_per_atom", "energy_above_hull"]
    above = last["energy"] / 2 - -4.0
    assert [last[name] for name in names] == pytest.approx([-0.5 + above, above], abs=2e-4)
    assert list(last)[-5:] == [*names, "band_gap", "bulk_modulus", "reason"]
    assert recorder.units["energy_above_hull"] == "eV/atom"
    recorder.plot()


def test_a_recorder_refuses_elements_without_phase_before_the_run(predictor):
    atoms = CU_AU.copy()
    atoms.calc = EMT()
    recorder = Recorder(predictor, hull=Hull(EMT(), [CU]))
    with BFGS(atoms, logfile=None) as optimizer, pytest.raises(ElementError, match="of Au"):
        recorder.watch(optimizer)


def test_minima_are_recorded_with_their_distance(predictor, hull):
    minima = MinimaRecorder(predictor, hull=hull)
    minima.record(at_best(CU3_AU))
    assert minima.records[0]["energy_above_hull"] == pytest.approx(0.1, abs=2e-4)
    with pytest.raises(ElementError, match="of O"):
        MinimaRecorder(predictor, hull=hull).record(bulk("CuO", "rocksalt", a=4.2))


def test_scores_have_terms_of_the_hull(predictor, hull):
    score = Score(predictor, [Minimize("energy_above_hull", weight=10.0)], hull=hull)
    candidate = at_best(CU3_AU)
    assert score.annotate(candidate) == pytest.approx(-1.0, abs=2e-3)
    pairs = candidate.info["key_value_pairs"]
    assert pairs["orbital_energy_above_hull"] == pytest.approx(0.1, abs=2e-4)
    assert pairs["orbital_calculated_formation_energy_per_atom"] < 0.0
    assert score.annotate_many([candidate, at_best(CU)]) == pytest.approx(
        [-1.0, 0.0], abs=2e-3
    )


def test_a_term_of_the_hull_needs_a_hull(predictor, hull):
    term = Minimize("energy_above_hull")
    with pytest.raises(SettingError, match="'energy_above_hull' is not predicted"):
        Score(predictor, [term])
    with pytest.raises(SettingError, match="take them from `given`"):
        Score(predictor, [term], given=["energy_above_hull"], hull=hull)
