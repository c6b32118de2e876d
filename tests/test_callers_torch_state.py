"""Every result is the same, whatever the caller has set in torch."""

from contextlib import contextmanager
from multiprocessing import get_context

import numpy as np
import pytest
import torch
from ase.build import bulk

from ase_orbital import GOM, FingerprintCalculator, OneHot, Predictor
from ase_orbital.models import EOSNet, OCrystalNet
from ase_orbital.search import ObjectiveCalculator, Target
from ase_orbital.training import train
from ase_orbital.training.comparison import compare
from ase_orbital.zoo import load_model

EOSNET, OCRYSTALNET = "eosnet-fermi-energy-mp2018", "ocrystalnet-band-gap-mp2018"


@contextmanager
def default_precision(dtype):
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


STATES = {
    "inference mode": torch.inference_mode,
    "no gradients": torch.no_grad,
    "autocast": lambda: torch.autocast("cpu", torch.bfloat16),
    "double precision": lambda: default_precision(torch.float64),
    "half precision": lambda: default_precision(torch.float16),
    "default device": lambda: torch.device("meta"),
}
DISPLACED = bulk("NaCl", "rocksalt", a=5.64, cubic=True)
DISPLACED.rattle(0.1, seed=1)


def forces(calc):
    atoms = DISPLACED.copy()
    atoms.calc = calc
    return [atoms.get_potential_energy(), *atoms.get_forces().flat, *atoms.get_stress()]


def fingerprint_forces(_):
    return forces(FingerprintCalculator())


def objective_forces(_):
    return forces(ObjectiveCalculator(EOSNET, [Target("fermi_energy", -3.0)]))


def predictions(_):
    predictor = Predictor([EOSNET, OCRYSTALNET], device="cpu", domain=True)
    one = predictor.predict(DISPLACED)
    return [*one.values(), *predictor.predict_many([DISPLACED] * 2)[1].values()]


def a_loaded_model(_):
    return float(load_model(OCRYSTALNET).predict_structure(DISPLACED))


def derivatives(_):
    return GOM().derivatives(DISPLACED)


def training(folder):
    crystals = [bulk("NaCl", "rocksalt", a=5.5 + 0.02 * step) for step in range(12)]
    volumes = [crystal.get_volume() for crystal in crystals]
    run = train(
        (crystals, volumes),
        folder,
        network_settings={"descriptor": OneHot().to_settings(), "n_hidden": 8},
        sizes=(0.5, 0.25, 0.25),
        epochs=1,
        members=2,
        accelerator="cpu",
        progress=False,
    )
    again = compare({"model": run.model}, (crystals, volumes))["model"]
    assert {at.dtype for at in run.model.state_dict().values()} == {
        torch.float32,
        torch.int64,
    }
    return [run.metrics["mae_test"], again.metrics["mae"]]


@pytest.mark.parametrize("state", STATES.values(), ids=STATES)
@pytest.mark.parametrize(
    "compute",
    [
        fingerprint_forces,
        objective_forces,
        predictions,
        a_loaded_model,
        derivatives,
        training,
    ],
)
def test_results_do_not_depend_on_the_callers_state(compute, state, tmp_path):
    expected = compute(tmp_path / "alone")
    with state():
        found = compute(tmp_path / "inside")
    np.testing.assert_array_equal(found, expected)
    assert np.any(expected)


@pytest.mark.parametrize("network", [EOSNet, OCrystalNet])
def test_a_network_of_double_precision_predicts_in_double_precision(network):
    with default_precision(torch.float64):
        model = network()
        value = model.predict_structure(DISPLACED)
    assert value.dtype == torch.float64
    assert value == model.predict_structure(DISPLACED)


def test_nothing_is_kept_of_a_network_that_was_made_in_inference_mode():
    with torch.inference_mode():
        EOSNet(radius=7.0)
    model = EOSNet(radius=7.0)
    graph, _, _ = model.graph_converter().get_graph(DISPLACED)
    model(graph).backward()
    assert model.embedding.weight.grad.any()


@pytest.mark.usefixtures("two_threads")
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
@pytest.mark.parametrize("compute", ["predict", "forces"])
def test_a_forked_process_answers_like_its_parent(compute):
    """Torch's threads stay behind in a fork."""
    large = DISPLACED * (2, 2, 2)
    predictor = Predictor(EOSNET, device="cpu")
    calc = ObjectiveCalculator(EOSNET, [Target("fermi_energy", -3.0)])

    def answer():
        if compute == "predict":
            return [*predictor.predict(large).values()]
        calc.reset()
        return forces(calc)

    expected = answer()
    context = get_context("fork")
    queue = context.SimpleQueue()
    child = context.Process(target=lambda: queue.put(answer()))
    child.start()
    child.join(120)
    ended = child.exitcode
    child.kill()
    assert ended == 0
    np.testing.assert_allclose(queue.get(), expected, rtol=1e-4, atol=1e-5)
