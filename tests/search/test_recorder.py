"""Recorder with the optimizers, filters and molecular dynamics of ASE."""

import math

import numpy as np
import pytest
from ase import Atoms, units
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.constraints import FixAtoms
from ase.filters import Filter, FrechetCellFilter, StrainFilter
from ase.io import read
from ase.md.langevin import Langevin
from ase.md.verlet import VelocityVerlet
from ase.mep import NEB
from ase.optimize import BFGS, FIRE, LBFGS, BFGSLineSearch, MDMin
from ase.optimize.basin import BasinHopping
from ase.optimize.minimahopping import MinimaHopping
from ase.optimize.sciopt import SciPyFminBFGS

from ase_orbital import Predictor, PropertyCalculator
from ase_orbital.errors import ElementError, SettingError, StructureError
from ase_orbital.search import Recorder


def langevin(atoms, logfile=None, trajectory=None):
    return Langevin(
        atoms, 2 * units.fs, temperature_K=300, friction=0.01, fixcm=False,
        rng=np.random.default_rng(0), logfile=logfile, trajectory=trajectory,
    )  # fmt: skip


def verlet(atoms, logfile=None, trajectory=None):
    return VelocityVerlet(atoms, 2 * units.fs, logfile=logfile, trajectory=trajectory)


def heat(atoms):
    """Set momenta of 300 K; ASE's function for it has another name before 3.29."""
    widths = np.sqrt(300 * units.kB * atoms.get_masses())[:, None]
    atoms.set_momenta(np.random.default_rng(0).normal(0, widths, atoms.positions.shape))


DYNAMICS = pytest.mark.parametrize(
    "kind", [BFGS, FIRE, LBFGS, MDMin, BFGSLineSearch, langevin, verlet]
)
FILTERS = pytest.mark.parametrize(
    "around",
    [FrechetCellFilter, StrainFilter, lambda atoms: Filter(atoms, indices=[0, 1])],
    ids=["Frechet", "Strain", "some atoms"],
)


@DYNAMICS
def test_records_are_those_of_the_trajectory(kind, atoms, predictor, tmp_path):
    recorder = Recorder(predictor)
    path = str(tmp_path / "run.traj")
    dynamics = kind(atoms, logfile=None, trajectory=path)
    recorder.watch(dynamics)
    dynamics.run(steps=4)
    frames = read(path, ":")
    assert [row["step"] for row in recorder.records] == list(range(len(frames)))
    for row, frame, expected in zip(
        recorder.records, frames, predictor.predict_many(frames), strict=True
    ):
        assert row["energy"] == pytest.approx(frame.get_potential_energy(), abs=1e-12)
        fmax = np.linalg.norm(frame.get_forces(), axis=1).max()
        assert row["fmax"] == pytest.approx(fmax)
        assert row["volume"] == pytest.approx(frame.get_volume())
        assert row["reason"] == ""
        for name, value in expected.items():
            assert row[name] == pytest.approx(value, rel=1e-4)


@FILTERS
def test_records_of_a_filter_are_those_of_its_atoms(around, atoms, predictor):
    recorder = Recorder(predictor)
    optimizer = FIRE(around(atoms), logfile=None)
    recorder.watch(optimizer)
    optimizer.run(fmax=0.001, steps=5)
    expected = predictor.predict(atoms)
    last = recorder.records[-1]
    assert {name: last[name] for name in expected} == pytest.approx(expected, rel=1e-5)
    assert last["volume"] == pytest.approx(atoms.get_volume())


def test_records_of_molecular_dynamics_have_times(atoms, predictor):
    recorder = Recorder(predictor)
    run = verlet(atoms)
    recorder.watch(run, interval=5)
    run.run(10)
    assert [row["time"] for row in recorder.records] == pytest.approx([0.0, 10.0, 20.0])
    assert recorder.units["time"] == "fs"


def test_records_of_molecular_dynamics_have_what_is_conserved(atoms, predictor):
    heat(atoms)
    recorder = Recorder(predictor)
    run = verlet(atoms)
    recorder.watch(run, interval=5)
    run.run(10)
    last = recorder.records[-1]
    assert last["temperature"] == pytest.approx(atoms.get_temperature())
    assert last["total_energy"] == pytest.approx(atoms.get_total_energy())
    assert last["total_energy"] != last["energy"]
    assert [last[f"stress_{name}"] for name in ("xx", "yy", "zz", "yz", "xz", "xy")] == (
        pytest.approx(atoms.get_stress())
    )
    assert set(last) - {"step", "reason"} <= set(recorder.units)


def test_a_calculator_without_stress_has_no_columns_for_it(atoms, predictor):
    atoms.calc.implemented_properties = ["energy", "forces"]
    recorder = Recorder(predictor)
    run = verlet(atoms)
    recorder.watch(run)
    run.run(1)
    assert not any(name.startswith("stress") for name in recorder.records[0])


@DYNAMICS
def test_recording_adds_no_force_calls(kind, atoms, predictor, counting):
    alone, watched = atoms.copy(), atoms.copy()
    for structure in (alone, watched):
        structure.calc = counting()
        structure.info["name"] = "kept"
    runs = [kind(structure, logfile=None) for structure in (alone, watched)]
    recorder = Recorder(predictor)
    recorder.watch(runs[1])
    for run in runs:
        run.run(steps=6)
    assert len(recorder.records) == runs[1].nsteps + 1 > 4
    assert watched.calc.count == alone.calc.count
    np.testing.assert_array_equal(watched.positions, alone.positions)
    assert watched.info == {"name": "kept"}


def test_writing_into_info_would_cost_a_second_evaluation(atoms, counting):
    """What the test above would notice."""
    atoms.calc = counting()
    optimizer = FIRE(atoms, logfile=None)
    optimizer.insert_observer(lambda: atoms.info.update(step=optimizer.nsteps))
    optimizer.run(fmax=0.0, steps=6)
    assert atoms.calc.count == (14 if counting.__name__.startswith("Info") else 7)


def test_a_relaxation_with_a_file_costs_no_more(atoms, predictor, counting, tmp_path):
    atoms.calc = counting()
    recorder = Recorder(predictor, output=tmp_path / "frames.traj")
    optimizer = FIRE(FrechetCellFilter(atoms), logfile=None)
    recorder.watch(optimizer)
    optimizer.run(fmax=0.0, steps=6)
    assert atoms.calc.count == 7


def test_the_recorder_is_called_before_all_other_observers(atoms, predictor):
    order = []
    optimizer = FIRE(atoms, logfile=None)
    optimizer.attach(lambda: order.append(len(recorder.records)))
    recorder = Recorder(predictor)
    recorder.watch(optimizer)
    optimizer.run(fmax=0.0, steps=2)
    assert order == [1, 2, 3]


def test_the_interval_continues_in_the_next_run(atoms, predictor):
    recorder = Recorder(predictor)
    optimizer = FIRE(atoms, logfile=None)
    recorder.watch(optimizer, interval=3)
    optimizer.run(fmax=0.0, steps=4)
    optimizer.run(fmax=0.0, steps=4)
    assert [row["step"] for row in recorder.records] == [0, 3, 4, 6, 8]


@pytest.mark.parametrize("interval", [1, 2, 3, np.int64(7)])
@pytest.mark.parametrize("kind", [BFGS, FIRE, SciPyFminBFGS])
def test_the_converged_step_is_recorded_once(kind, interval, atoms, predictor):
    recorder = Recorder(predictor)
    optimizer = kind(atoms, logfile=None)
    recorder.watch(optimizer, interval=interval)
    assert optimizer.run(fmax=0.1, steps=60)
    steps = [record["step"] for record in recorder.records]
    assert steps == sorted({*range(0, optimizer.nsteps, interval), optimizer.nsteps})
    assert recorder.records[-1]["fmax"] <= 0.1


def test_a_second_run_that_has_nothing_to_do_records_nothing(atoms, predictor):
    recorder = Recorder(predictor)
    optimizer = FIRE(atoms, logfile=None)
    recorder.watch(optimizer, interval=3)
    for _ in range(2):
        optimizer.run(fmax=0.0, steps=0)
        optimizer.run(fmax=100.0)
    assert [record["step"] for record in recorder.records] == [0]


def test_a_cell_filter_converges_at_the_last_record(atoms, predictor):
    recorder = Recorder(predictor)
    optimizer = FIRE(FrechetCellFilter(atoms), logfile=None)
    recorder.watch(optimizer, interval=10_000)
    assert optimizer.run(fmax=0.3)
    assert [record["step"] for record in recorder.records] == [0, optimizer.nsteps]
    assert recorder.records[-1]["volume"] == pytest.approx(atoms.get_volume())


def test_the_last_step_of_dynamics_is_recorded_once(atoms, predictor):
    recorder = Recorder(predictor)
    run = verlet(atoms)
    recorder.watch(run, interval=4)
    for _ in run.irun(6):
        pass
    run.run(6)
    assert [row["step"] for row in recorder.records] == [0, 4, 6, 8, 12]


def test_labels_distinguish_runs(atoms, predictor):
    recorder = Recorder(predictor)
    for name in ("first", "second"):
        optimizer = FIRE(atoms, logfile=None)
        recorder.watch(optimizer, run=name)
        optimizer.run(fmax=0.0, steps=1)
    assert [(row["run"], row["step"]) for row in recorder.records] == [
        ("first", 0), ("first", 1), ("second", 0), ("second", 1),
    ]  # fmt: skip


def test_labels_may_have_the_names_of_arguments(atoms, predictor):
    recorder = Recorder(predictor)
    optimizer = FIRE(atoms, logfile=None)
    recorder.watch(optimizer, optimizer="FIRE")
    optimizer.run(fmax=0.0, steps=1)
    recorder.record(atoms, structure="last")
    assert [row["optimizer"] for row in recorder.records[:2]] == ["FIRE", "FIRE"]
    assert recorder.records[2]["structure"] == "last"


def test_every_image_of_a_neb_has_records(predictor):
    ends = [bulk("Cu", a=3.7, cubic=True) for _ in range(2)]
    ends[1].positions[0] += 0.5
    images = [ends[0], ends[0].copy(), ends[1]]
    images[1].positions[0] += 0.2
    for image in images:
        image.calc = EMT()
        image.get_forces()
    recorder = Recorder(predictor)
    optimizer = FIRE(NEB(images, method="improvedtangent"), logfile=None)
    recorder.watch(optimizer)
    optimizer.run(fmax=0.0, steps=1)
    assert [(row["step"], row["image"]) for row in recorder.records] == [
        (0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2),
    ]  # fmt: skip
    assert recorder.records[-2]["energy"] == pytest.approx(images[1].get_potential_energy())
    assert recorder.records[-1]["band_gap"] == predictor.predict(ends[1])["band_gap"]


def test_the_calculator_may_predict_the_same_properties(atoms, predictor):
    atoms.calc = PropertyCalculator(predictor, base=EMT())
    recorder = Recorder(predictor)
    optimizer = FIRE(atoms, logfile=None)
    recorder.watch(optimizer)
    optimizer.run(fmax=0.0, steps=1)
    assert recorder.records[-1]["energy"] == atoms.get_potential_energy()


def test_forces_are_those_with_constraints(atoms, predictor):
    atoms.set_constraint(FixAtoms([0, 1, 2, 3]))
    atoms.get_forces()
    assert Recorder(predictor).record(atoms)["fmax"] == 0.0


def test_energies_are_missing_without_a_calculator(predictor):
    row = Recorder(predictor).record(bulk("Cu"), step=3)
    assert row["step"] == 3
    assert math.isnan(row["energy"])
    assert math.isnan(row["fmax"])
    assert row["band_gap"] == predictor.predict(bulk("Cu"))["band_gap"]


def test_energies_of_other_positions_are_not_used(atoms, predictor):
    atoms.get_forces()
    atoms.positions[0] += 0.1
    assert math.isnan(Recorder(predictor).record(atoms)["energy"])


def test_a_step_without_prediction_has_a_reason(atoms, predictor):
    atoms.set_constraint(FixAtoms(range(4)))  # else they fly apart again
    recorder = Recorder(predictor)
    run = verlet(atoms)
    recorder.watch(run)
    place = atoms.positions[1].copy()

    def collapse():
        atoms.positions[1] = atoms.positions[0] + 0.1 if run.nsteps == 1 else place

    run.attach(collapse)
    run.run(3)
    reasons = [row["reason"] for row in recorder.records]
    assert reasons[:2] == ["", ""]
    assert "closer than 0.3" in reasons[2]
    assert reasons[3] == ""
    assert math.isnan(recorder.records[2]["band_gap"])
    assert math.isnan(recorder.records[2]["bulk_modulus"])
    assert recorder.records[2]["time"] == pytest.approx(4.0)
    assert recorder.records[3]["band_gap"] == recorder.records[0]["band_gap"]


def test_an_unknown_element_is_an_error_before_the_run(predictor):
    atoms = bulk("Ni")
    atoms.calc = EMT()
    optimizer = FIRE(atoms, logfile=None)
    recorder = Recorder(predictor)
    with pytest.raises(ElementError, match="atom 0 is Ni"):
        recorder.watch(optimizer)
    assert optimizer.observers == []


def test_what_cannot_be_watched_is_explained(atoms, predictor, tmp_path):
    recorder = Recorder(predictor)
    optimizer = FIRE(atoms, logfile=None)
    with pytest.raises(SettingError, match="minima hopping use MinimaRecorder"):
        recorder.watch(MinimaHopping(atoms))
    with pytest.raises(SettingError, match="MinimaRecorder as its local_minima"):
        recorder.watch(
            BasinHopping(atoms, logfile=None, trajectory=None, optimizer_logfile=None,
                         local_minima_trajectory=None)
        )  # fmt: skip
    with pytest.raises(SettingError, match="interval must be a whole number"):
        recorder.watch(optimizer, interval=0)
    with pytest.raises(SettingError, match="'energy' is a column already"):
        recorder.watch(optimizer, energy=1)
    with pytest.raises(SettingError, match="must end with"):
        Recorder(predictor, output=tmp_path / "steps.docx")
    with pytest.raises(SettingError, match="folder"):
        Recorder(predictor, output=tmp_path / "absent" / "steps.csv")
    with pytest.raises(SettingError, match="no records to plot"):
        recorder.plot()
    with pytest.raises(StructureError, match="no atoms"):
        recorder.watch(FIRE(Atoms(), logfile=None))


def test_a_recorder_takes_names_of_models(atoms):
    recorder = Recorder("eosnet-band-gap-mp2018")
    expected = Predictor("eosnet-band-gap-mp2018").predict(atoms)
    assert recorder.record(atoms)["band_gap"] == expected["band_gap"]


def test_the_records_are_a_table_in_a_notebook(atoms, predictor, tmp_path):
    recorder = Recorder(predictor, output=tmp_path / "steps.csv")
    recorder.record(atoms, run="first")
    assert "steps.csv'" in repr(recorder)
    assert repr(recorder).startswith("Recorder(['band_gap', 'bulk_modulus'], output=")
    assert repr(recorder).endswith(": 1 records)")
    html = recorder._repr_html_()
    assert html.count("<tr") == 2
    assert "first" in html


def test_the_domain_is_recorded_if_asked(atoms):
    recorder = Recorder("eosnet-bulk-modulus-mp", domain=True)
    record = recorder.record(atoms)
    expected = Predictor("eosnet-bulk-modulus-mp", domain=True).predict(atoms)
    assert {name: record[name] for name in expected} == expected
    assert {"bulk_modulus_std", "in_domain"} < set(expected)
    assert "in_domain" not in Recorder("eosnet-bulk-modulus-mp").record(atoms)


def test_the_figure_has_the_records_and_their_units(atoms, predictor):
    heat(atoms)
    recorder = Recorder(predictor)
    run = verlet(atoms)
    recorder.watch(run)
    run.run(3)
    figure = recorder.plot(title="CuAu3")
    labels = [axes.get_ylabel() for axes in figure.axes]
    assert labels == ["energy (eV)", "band gap (eV)", "bulk modulus\n(GPa)"]
    assert figure.axes[-1].get_xlabel() == "time (fs)"
    x, y = figure.axes[1].lines[0].get_data()
    np.testing.assert_allclose(x, [0, 2, 4, 6])
    np.testing.assert_allclose(y, [row["band_gap"] for row in recorder.records])
    (only,) = recorder.plot("bulk_modulus").axes
    assert only.get_ylabel() == "bulk modulus\n(GPa)"
    with pytest.raises(SettingError, match="'gap' is not in the records"):
        recorder.plot("gap")


def test_structures_recorded_together_have_the_records_of_each_alone(atoms, predictor):
    strange = atoms.copy()
    strange.positions[0] = strange.positions[1]
    alone, together = Recorder(predictor), Recorder(predictor)
    for number, structure in enumerate((atoms, strange)):
        alone.record(structure, run=number)
    found = together.record_many([atoms, strange], [{"run": 0}, {"run": 1}])
    assert together.records == found
    assert [record.pop("reason") != "" for record in found] == [False, True]
    for record, expected in zip(found, alone.records, strict=True):
        del expected["reason"]
        assert record == pytest.approx(expected, rel=1e-5, nan_ok=True)
    with pytest.raises(SettingError, match="1 labels do not fit 2 structures"):
        together.record_many([atoms, strange], [{}])
    with pytest.raises(SettingError, match="energy"):
        together.record_many([atoms], [{"energy": 1}])
