"""torch-sim itself, where it is installed: predictions along its simulations."""

import numpy as np
import pytest
import torch
from ase.build import bulk

from ase_orbital import Predictor
from ase_orbital.errors import ElementError
from ase_orbital.properties import PREFIX

pytest.importorskip("torch_sim")
pytestmark = pytest.mark.filterwarnings("ignore")  # torch-sim's own

BULK_MODULUS = "eosnet-bulk-modulus-mp"


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
        compute_forces=True, compute_stress=True, use_neighbor_list=True,
    )  # fmt: skip


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


def test_a_reporter_writes_them_along_a_relaxation(
    crystals, predictor, potential, tmp_path
):
    import torch_sim as ts
    from torch_sim.trajectory import TorchSimTrajectory, TrajectoryReporter

    from ase_orbital.integrations.torchsim import property_calculators

    files = [tmp_path / "copper.h5md", tmp_path / "aluminium.h5md"]
    reporter = TrajectoryReporter(
        files, state_frequency=2, prop_calculators={2: property_calculators(predictor)}
    )
    ts.optimize(
        system=crystals,
        model=potential,
        optimizer=ts.frechet_cell_fire,
        convergence_fn=ts.generate_force_convergence_fn(1e-6),
        max_steps=10,
        steps_between_swaps=2,
        trajectory_reporter=reporter,
    )
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


def test_what_the_page_shows_runs(run_section):
    from torch_sim.trajectory import TorchSimTrajectory

    run_section("torch-sim")
    with TorchSimTrajectory("copper.h5md", mode="r") as trajectory:
        assert (trajectory.get_array("orbital_bulk_modulus") > 0.0).all()
