"""Training on a GPU takes the steps that training on the CPU takes."""

from copy import deepcopy

import numpy as np
import pytest
import torch

from ase_orbital import GOM, Predictor
from ase_orbital.models import EOSNet, OCrystalNet
from ase_orbital.training.batches import Batches, GraphDataset, shuffled

pytestmark = [pytest.mark.gpu, pytest.mark.filterwarnings("default")]


def losses(model, crystals, device, epochs=2):
    """Loss of each step, with batches moved to the device as they are needed."""
    model = deepcopy(model).to(device).train()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
    found = []
    for epoch in range(epochs):
        order = shuffled(len(crystals.targets), seed=0, epoch=epoch)
        for batch in Batches(crystals, order, 16):
            there = batch.to(device)
            optimizer.zero_grad()
            loss = (model(there.graph) - there.targets).square().mean()
            loss.backward()
            optimizer.step()
            found.append(loss.item())
    return found


@pytest.mark.parametrize("kind", [EOSNet, OCrystalNet])
def test_steps(device, kind, salts):
    structures, constants = salts
    torch.manual_seed(0)
    model = kind(n_hidden=32, target_mean=constants.mean(), target_scale=constants.std())
    model = model.double()
    crystals = GraphDataset(model.batch(structures), torch.as_tensor(constants))
    found, expected = losses(model, crystals, device), losses(model, crystals, "cpu")
    assert expected[-1] < expected[0]
    # Adam divides by gradients, of which some are nothing but rounding.
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.fixture
def run_on(salts, quick, tmp_path):
    """Make a run whose features are computed once."""
    pytest.importorskip("lightning")
    pytest.importorskip("matplotlib")
    from ase_orbital.training import train

    network = {"descriptor": GOM(n_eigenvalues=16).to_settings(), "n_hidden": 16}

    def run(name, device, **changes):
        accelerator = "gpu" if torch.device(device).type == "cuda" else "cpu"
        settings = quick | {"network_settings": network, "epochs": 25,
                            "accelerator": accelerator}  # fmt: skip
        return train(salts, tmp_path / name, cache=tmp_path / "cache", **settings | changes)

    return run


def test_a_run_learns_what_it_learns_on_the_cpu(device, run_on, salts):
    deviation = np.abs(salts[1] - salts[1].mean()).mean()
    there, here = run_on("there", device), run_on("here", "cpu")
    for run in (there, here):
        assert run.metrics["mae_train"] < 0.3 * deviation
    assert there.metrics["mae_train"] == pytest.approx(here.metrics["mae_train"], rel=0.5)
    assert next(there.model.parameters()).device.type == "cpu"
    predictions = [
        Predictor(there.folder / "model", device=where).predict(salts[0][0])["property"]
        for where in ("cpu", device)
    ]
    assert predictions[1] == pytest.approx(predictions[0], rel=1e-4)


@pytest.mark.parametrize("share", [0.5, 0.0])
def test_graphs_lie_on_the_device_if_they_fit(device, run_on, monkeypatch, share):
    from ase_orbital.training import module

    seen = set()
    step = module.TrainingModule.training_step

    def watched(trained, batch, index):
        seen.add((trained.train_dataloader().order.device.type, batch.targets.device.type))
        return step(trained, batch, index)

    monkeypatch.setattr(module, "SHARE_OF_MEMORY", share)
    monkeypatch.setattr(module.TrainingModule, "training_step", watched)
    run_on("watched", device, epochs=1)
    there = torch.device(device).type
    assert seen == {(there if share else "cpu", there)}


def test_an_interrupted_run_goes_on(device, run_on, monkeypatch):
    from ase_orbital.training.module import TrainingModule

    whole = run_on("whole", device, epochs=4)
    step = TrainingModule.training_step

    def killed(module, batch, index):
        if module.current_epoch == 2:
            raise RuntimeError("killed")
        return step(module, batch, index)

    with monkeypatch.context() as patch:
        patch.setattr(TrainingModule, "training_step", killed)
        with pytest.raises(RuntimeError, match="killed"):
            run_on("parts", device, epochs=4)
    parts = run_on("parts", device, epochs=4)
    assert parts.metrics["mae_train"] == pytest.approx(whole.metrics["mae_train"], rel=0.1)


def test_a_run_in_mixed_precision(device, run_on, salts):
    deviation = np.abs(salts[1] - salts[1].mean()).mean()
    run = run_on("mixed", device, precision="bf16-mixed")
    assert run.metrics["mae_train"] < 0.5 * deviation
    assert all(value.dtype != torch.bfloat16 for value in run.model.state_dict().values())
