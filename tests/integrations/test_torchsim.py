"""torch-sim itself, where it is installed: predictions along its simulations."""

import numpy as np
import pytest
import torch
from ase.build import bulk

from ase_orbital import Predictor
from ase_orbital.errors import ElementError, SettingError
from ase_orbital.properties import PREFIX
from ase_orbital.search import Archive, Recorder

pytest.importorskip("torch_sim")
pytestmark = pytest.mark.filterwarnings("ignore")  # torch-sim's own

BULK_MODULUS = "eosnet-bulk-modulus-mp"


def never(state, _):
    """Convergence that no system reaches."""
    return torch.zeros(state.n_systems, dtype=torch.bool)


@pytest.fixture(scope="module")
def predictor():
    return Predictor(BULK_MODULUS, device="cpu")


@pytest.fixture
def crystals():
    found = []
    for symbol, seed in (("Cu", 1), ("Al", 2)):
        atoms = bulk(symbol, a=3.9, cubic=True)
        atoms.rattle(0.1, seed=seed)
        found.append(atoms)
    return found


@pytest.fixture
def potential():
    from torch_sim.models.lennard_jones import LennardJonesModel

    return LennardJonesModel(
        sigma=2.4, epsilon=0.2, cutoff=6.0, dtype=torch.float64, device=torch.device("cpu"),
        compute_forces=True, compute_stress=True,
    )  # fmt: skip


@pytest.fixture
def relax(potential):
    """Relax positions and cells with torch-sim."""
    import torch_sim as ts

    def run(crystals, reporter, **settings):
        return ts.optimize(
            system=crystals,
            model=potential,
            optimizer=ts.Optimizer.fire,
            init_kwargs={"cell_filter": ts.CellFilter.frechet},
            trajectory_reporter=reporter,
            **settings,
        )

    return run


def test_all_systems_of_a_state_together(crystals, predictor):
    from torch_sim.io import atoms_to_state

    from ase_orbital.integrations.torchsim import predict_state

    state = atoms_to_state(crystals, torch.device("cpu"), torch.float64)
    found = predict_state(predictor, state)
    assert set(found) == {PREFIX + name for name in predictor.properties}
    for name, values in found.items():
        assert values.dtype == torch.float64
        expected = [
            row[name.removeprefix(PREFIX)] for row in predictor.predict_many(crystals)
        ]
        np.testing.assert_allclose(values, expected, rtol=1e-4)


def test_a_reporter_writes_them_along_a_relaxation(crystals, predictor, relax, tmp_path):
    from torch_sim.trajectory import TorchSimTrajectory, TrajectoryReporter

    from ase_orbital.integrations.torchsim import property_calculators

    files = [tmp_path / "copper.h5md", tmp_path / "aluminium.h5md"]
    reporter = TrajectoryReporter(
        files, state_frequency=2, prop_calculators={2: property_calculators(predictor)}
    )
    relax(crystals, reporter, convergence_fn=never, max_steps=10, steps_between_swaps=2)
    for file in files:
        with TorchSimTrajectory(file, mode="r") as trajectory:
            frames = [trajectory.get_atoms(frame) for frame in range(len(trajectory))]
            for name in predictor.properties:
                values = trajectory.get_array(PREFIX + name).ravel()
                rows = predictor.predict_many(frames)
                # Positions are stored in single precision.
                np.testing.assert_allclose(values, [row[name] for row in rows], rtol=1e-3)
        assert len(frames) >= 5
        assert np.ptp([row["bulk_modulus"] for row in rows]) > 0.1  # it moved


def test_a_state_is_predicted_once_for_all_its_properties(crystals, predictor, monkeypatch):
    from torch_sim.io import atoms_to_state

    from ase_orbital.integrations.torchsim import property_calculators

    state = atoms_to_state(crystals, torch.device("cpu"), torch.float64)
    calls = []
    whole = Predictor.predict_many

    def counted(self, structures, **settings):
        calls.append(1)
        return whole(self, structures, **settings)

    monkeypatch.setattr(Predictor, "predict_many", counted)
    functions = property_calculators(predictor)
    assert len(functions) == 2
    before = {name: function(state) for name, function in functions.items()}
    assert len(calls) == 1
    state.positions[0, 0] += 0.2
    after = {name: function(state) for name, function in functions.items()}
    assert len(calls) == 2
    assert all(before[name][0] != after[name][0] for name in functions)
    assert all(before[name][1] == after[name][1] for name in functions)


def test_a_system_that_cannot_be_predicted_is_named(crystals, predictor):
    from torch_sim.io import atoms_to_state

    from ase_orbital.integrations.torchsim import predict_state

    crystals[1].numbers[0] = 118
    state = atoms_to_state(crystals, torch.device("cpu"), torch.float64)
    with pytest.raises(ElementError, match="Og") as caught:
        predict_state(predictor, state)
    assert "structure 1" in caught.value.__notes__[0]


@pytest.fixture
def many():
    """Six rattled cells of two metals, the last two doubled."""
    found = []
    for seed in range(6):
        atoms = bulk("Al" if seed % 2 else "Cu", a=3.8, cubic=True)
        atoms.rattle(0.05 + 0.04 * (seed % 3), seed=seed)
        found.append(atoms * (2, 1, 1) if seed > 3 else atoms)
    return found


def test_systems_keep_their_names_while_they_are_swapped(many, predictor, potential, relax):
    import torch_sim as ts

    from ase_orbital.integrations.torchsim import RecordingReporter

    recorder, archive = Recorder(predictor), Archive(tolerance=0.01)
    names = [f"run {number}" for number in range(6)]
    reporter = RecordingReporter(recorder, names, archive=archive, interval=10)
    relaxed = relax(
        many,
        reporter,
        convergence_fn=ts.generate_force_convergence_fn(0.01, include_cell_forces=True),
        autobatcher=ts.InFlightAutoBatcher(
            potential, memory_scales_with="n_atoms", max_memory_scaler=14
        ),
    )
    assert {row["system"] for row in recorder.records[:6]} == set(names)
    assert recorder.records[-1]["system"] != names[0]  # it left early
    for name, start, atoms, energy in zip(
        names, many, relaxed.to_atoms(), relaxed.energy, strict=True
    ):
        rows = [row for row in recorder.records if row["system"] == name]
        steps = [row["step"] for row in rows]
        assert steps == [*range(0, steps[-1], 10), steps[-1]]
        assert rows[0]["volume"] == pytest.approx(start.get_volume())
        assert rows[-1]["volume"] == pytest.approx(atoms.get_volume())
        assert rows[-1]["energy"] == pytest.approx(energy.item())
        assert rows[0]["fmax"] > rows[-1]["fmax"] < 0.01
        for structure, row in ((start, rows[0]), (atoms, rows[-1])):
            expected = predictor.predict(structure)
            found = {name: row[name] for name in expected}
            assert found == pytest.approx(expected, rel=1e-4)
    assert [(entry.label, entry.seen) for entry in sorted(archive, key=str)] in (
        [("run 0", 3), ("run 1", 3)],
        [("run 0", 3), ("run 3", 3)],
    )
    for entry in archive:
        (row,) = [
            row
            for row in recorder.records
            if row["system"] == entry.label and row["step"] == entry.values["step"]
        ]
        assert entry.values["bulk_modulus"] == row["bulk_modulus"]


def test_dynamics_are_recorded_and_end_in_no_archive(many, predictor, potential):
    import torch_sim as ts

    from ase_orbital.integrations.torchsim import RecordingReporter

    recorder, archive = Recorder(predictor), Archive()
    reporter = RecordingReporter(recorder, range(2), archive=archive, interval=2)
    for _ in range(2):  # a reporter can watch another run
        ts.integrate(
            system=many[:2],
            model=potential,
            integrator=ts.Integrator.nve,
            n_steps=5,
            timestep=0.001,
            temperature=300,
            trajectory_reporter=reporter,
        )
    seen = [(row["step"], row["system"]) for row in recorder.records]
    assert seen == [(step, i) for step in (0, 2, 4, 5) for i in range(2)] * 2
    assert len(archive) == 0


def test_wrong_names_systems_and_intervals_are_refused(many, predictor, relax):
    from ase_orbital.integrations.torchsim import RecordingReporter

    recorder = Recorder(predictor)
    with pytest.raises(SettingError, match="interval"):
        RecordingReporter(recorder, range(2), interval=0)
    with pytest.raises(SettingError, match="same name"):
        RecordingReporter(recorder, ["a", "a"])
    with pytest.raises(SettingError, match="3 names do not fit 2 systems"):
        relax(many[:2], RecordingReporter(recorder, range(3)), convergence_fn=never)
    many[1].numbers[0] = 118
    with pytest.raises(ElementError, match="Og"):
        relax(many[:2], RecordingReporter(recorder, range(2)), convergence_fn=never)
    assert recorder.records == []


def test_sevennet_relaxes_many_at_once(predictor):
    pytest.importorskip("sevenn")
    import torch_sim as ts
    from torch_sim.models.sevennet import SevenNetModel

    from ase_orbital.integrations.torchsim import RecordingReporter

    potential = SevenNetModel("7net-0", device="cpu")
    salts = [bulk("NaCl", "rocksalt", a=5.5), bulk("MgO", "rocksalt", a=4.1)]
    recorder, archive = Recorder(predictor), Archive()
    ts.optimize(
        system=salts,
        model=potential,
        optimizer=ts.Optimizer.fire,
        init_kwargs={"cell_filter": ts.CellFilter.frechet},
        convergence_fn=never,
        max_steps=5,
        trajectory_reporter=RecordingReporter(recorder, ["NaCl", "MgO"], archive=archive),
    )
    assert len(archive) == 2
    energies = [row["energy"] for row in recorder.records if row["system"] == "MgO"]
    assert energies[-1] < energies[0] - 0.01  # it was stretched


def test_what_the_page_shows_runs(run_section):
    from torch_sim.trajectory import TorchSimTrajectory

    shown = run_section("torch-sim")
    with TorchSimTrajectory("copper.h5md", mode="r") as trajectory:
        assert (trajectory.get_array("orbital_bulk_modulus") > 0.0).all()
    assert len(shown["archive"]) == 1
    assert {row["system"] for row in shown["recorder"].records} == set(range(8))
