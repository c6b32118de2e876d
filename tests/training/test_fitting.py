"""Resumed runs end with the same weights, bit for bit, as uninterrupted ones."""

import csv
import logging
import signal
import subprocess
import sys
import textwrap
from functools import partial

import numpy as np
import pytest
import torch
from ase.build import bulk

from ase_orbital import OneHot
from ase_orbital.errors import SettingError
from ase_orbital.graphs.crystal_graph import CrystalGraph
from ase_orbital.models import EOSNet
from ase_orbital.training import TrainingSettings, fitting, train
from ase_orbital.training.batches import Batches, GraphDataset
from ase_orbital.training.fitting import moving_average
from ase_orbital.training.module import TrainingModule


class KilledError(Exception):
    """Stops a run in these tests."""


@pytest.fixture
def kill(monkeypatch):
    """Stop at the second batch of an epoch of the member with a seed; what ran is kept."""
    step = TrainingModule.training_step

    def at(*, seed, epoch):
        ran = []

        def killed(module, batch, index):
            here = (module.settings.seed, module.current_epoch)
            if index == 1 and here == (seed, epoch):
                raise KilledError
            if index == 0:
                ran.append(here)
            return step(module, batch, index)

        monkeypatch.setattr(TrainingModule, "training_step", killed)
        return ran

    return at


@pytest.fixture(scope="module")
def settings(quick):
    """With everything that has a state: dropout, averages, Adam, two members."""
    network = quick["network_settings"] | {"dropout": 0.2}
    return quick | {"network_settings": network, "averaging": 0.9, "members": 2}


@pytest.fixture(scope="module")
def whole(salts, settings, tmp_path_factory):
    """A run without interruption."""
    return train(salts, tmp_path_factory.mktemp("whole"), settings=None, **settings)


def history_of(run, member=0):
    path = run.folder / f"member-{member}" / "history.csv"
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return [row | {"seconds": None} for row in rows]


def assert_same_weights(first, second):
    states = first.model.state_dict(), second.model.state_dict()
    assert states[0].keys() == states[1].keys()
    differing = [
        name for name in states[0] if not torch.equal(states[0][name], states[1][name])
    ]
    assert differing == []


@pytest.mark.parametrize(("seed", "epoch"), [(0, 0), (0, 2), (1, 1)])
def test_a_killed_run_ends_like_an_uninterrupted_one(
    salts, settings, whole, tmp_path, kill, seed, epoch
):
    first = kill(seed=seed, epoch=epoch)
    with pytest.raises(KilledError):
        train(salts, tmp_path, **settings)
    second = kill(seed=None, epoch=None)
    again = train(salts, tmp_path, **settings)
    assert second[0] == first[-1] == (seed, epoch)
    assert len(first) + len(second) == 2 * 3 + 1
    assert_same_weights(again, whole)
    for member in range(2):
        assert history_of(again, member) == history_of(whole, member)
    assert again.metrics == whole.metrics


def test_a_finished_run_returns_the_same_results_again(salts, settings, whole):
    seconds = (whole.folder / "member-0" / "history.csv").read_text()
    again = train(salts, whole.folder, **settings)
    assert_same_weights(again, whole)
    assert again.metrics == whole.metrics
    assert (whole.folder / "member-0" / "history.csv").read_text() == seconds


@pytest.mark.parametrize("name", ["averaging", "seed", "dropout"])
def test_averaging_seed_and_dropout_affect_the_run(salts, settings, whole, tmp_path, name):
    network = settings["network_settings"] | {"dropout": 0.0}
    change = {
        "averaging": {"averaging": 0.0},
        "seed": {"seed": 1},
        "dropout": {"network_settings": network},
    }[name]
    other = train(salts, tmp_path, **settings | change | {"members": 1})
    assert history_of(other) != history_of(whole)


def test_the_history_has_a_row_per_epoch(whole):
    rows = history_of(whole)
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    train_loss = [float(row["train_loss"]) for row in rows]
    validation_loss = [float(row["validation_loss"]) for row in rows]
    assert np.isfinite(train_loss + validation_loss).all()
    assert train_loss[-1] < train_loss[0]


@pytest.fixture
def scripted(monkeypatch):
    """Make the validation losses of the epochs what a list says, and keep the weights."""

    def script(losses):
        weights = []

        def loss(module, batch, _):
            weights.append({k: v.clone() for k, v in module.model.named_parameters()})
            value = torch.tensor(losses[module.current_epoch])
            module.log("validation_loss", value, batch_size=len(batch.targets))

        monkeypatch.setattr(TrainingModule, "validation_step", loss)
        return weights

    return script


def test_patience_stops_early_and_keeps_the_best(salts, quick, tmp_path, scripted):
    weights = scripted([5.0, 1.0, 3.0, 4.0])  # the second is best, the fourth too many
    settings = quick | {"epochs": 20, "patience": 2, "averaging": 0.9}
    run = train(salts, tmp_path, **settings)
    assert len(history_of(run)) == 4
    unseen = (run.model.input_layer.weight == 0.0).all(dim=0)
    weights[1]["embedding.weight"][:, unseen] = 0.0  # no crystal has these features
    found = dict(run.model.named_parameters())
    for name, value in weights[1].items():
        assert torch.equal(found[name], value)
    again = train(salts, tmp_path, **settings)
    assert len(history_of(again)) == 4
    assert_same_weights(again, run)


def test_patience_survives_an_interruption(salts, quick, tmp_path, scripted, kill):
    scripted([2.0, 3.0, 4.0, 5.0])
    kill(seed=0, epoch=2)
    settings = quick | {"epochs": 20, "patience": 2}
    with pytest.raises(KilledError):
        train(salts, tmp_path, **settings)
    kill(seed=None, epoch=None)
    assert len(history_of(train(salts, tmp_path, **settings))) == 3


def test_training_changes_no_global_state(salts, quick, tmp_path):
    names = ["", "lightning", "lightning.pytorch", "lightning.fabric", "matgl"]
    loggers = [logging.getLogger(name) for name in names]

    def state():
        return (
            torch.get_rng_state().tolist(),
            np.random.get_state()[1].tolist(),  # noqa: NPY002  # others use it
            torch.get_default_dtype(),
            torch.get_num_threads(),
            torch.is_grad_enabled(),
            torch.are_deterministic_algorithms_enabled(),
            [logger.level for logger in loggers],
        )

    before = state()
    train(salts, tmp_path, **quick | {"epochs": 1})
    assert state() == before


def test_a_last_batch_of_one_atom_gives_finite_weights(quick, tmp_path):
    """17 crystals in batches of 16 leave one crystal with one kind of atom."""
    metals = [bulk("Cu", a=3.5 + 0.01 * index) for index in range(17)]
    settings = quick | {"batch_size": 16, "sizes": (17, 0, 0), "epochs": 1}
    run = train((metals, np.arange(17.0)), tmp_path, **settings)
    assert all(value.isfinite().all() for value in run.model.state_dict().values())


def test_lower_precision_keeps_weights_in_single_precision(salts, quick, tmp_path):
    run = train(salts, tmp_path, **quick | {"precision": "bf16-mixed"})
    assert np.isfinite(run.metrics["mae_test"])
    assert {value.dtype for value in run.model.parameters()} == {torch.float32}


@pytest.mark.parametrize("accelerator", ["nonsense", "mps"])
def test_a_missing_accelerator_is_one_clear_error(salts, quick, tmp_path, accelerator):
    with pytest.raises(SettingError, match="this machine cannot train like this"):
        train(salts, tmp_path, **quick | {"accelerator": accelerator})


def test_the_average_moves_faster_at_first():
    """From 0 towards 1 with 9/10, 9/11, ... left to go, then with `decay`."""
    average, left = [torch.zeros(2)], 1.0
    for n_before in range(30):
        moving_average(average, [torch.ones(2)], n_before, decay=0.5)
        left *= min(0.5, (1 + n_before) / (10 + n_before))
        torch.testing.assert_close(average[0], torch.full((2,), 1.0 - left))
    still = [torch.zeros(1)]
    moving_average(still, [torch.ones(1)], 10**9, decay=0.75)
    assert float(still[0]) == pytest.approx(0.25)


def test_integer_buffers_are_copied_not_averaged():
    counts = [torch.tensor(3)]
    moving_average(counts, [torch.tensor(8)], torch.tensor(100), decay=0.9)
    assert counts[0] == 8


def test_batch_norms_have_the_statistics_of_the_final_weights(salts, quick, tmp_path):
    run = train(salts, tmp_path, **quick | {"epochs": 5, "batch_size": 64})
    learned = set(run.evaluations["train"].ids)
    graph = run.model.batch([atoms for atoms in salts[0] if atoms.info["id"] in learned])
    assert graph.n_graphs < 64  # one batch
    with torch.no_grad():
        predicted = run.model.eval()(graph)
        in_training = run.model.train()(graph)
    # Variances are those of a sample when kept, and of a population in training.
    torch.testing.assert_close(predicted, in_training, rtol=0.01, atol=0.01)


def test_a_network_in_evaluation_mode_is_trained_like_any_other(tmp_path):
    crystals = [bulk("Cu", a=3.5 + 0.02 * index) for index in range(20)]
    settings = TrainingSettings(epochs=3, batch_size=8, accelerator="cpu", progress=False)
    weights = []
    for evaluating in (False, True):
        torch.manual_seed(0)
        network = EOSNet(OneHot(), n_hidden=4).train(not evaluating)
        graphs = CrystalGraph.batch(network.graphs(crystals))
        known = GraphDataset(graphs, torch.linspace(-1.0, 1.0, 20))
        folder = tmp_path / str(evaluating)
        folder.mkdir()
        fitting.fit(network, known, None, settings, folder)
        assert not network.training
        weights.append(network.state_dict())
    torch.testing.assert_close(*weights, rtol=0.0, atol=0.0)


def test_many_crystals_need_not_all_be_seen_for_that(salts, quick, tmp_path, monkeypatch):
    seen = []

    class Recording(Batches):
        def __init__(self, dataset, order, batch_size):
            seen.append(len(order))
            super().__init__(dataset, order, batch_size)

    monkeypatch.setattr(fitting, "Batches", Recording)
    monkeypatch.setattr(fitting, "MOST_FOR_NORMS", 7)
    train(salts, tmp_path, **quick | {"epochs": 1})
    assert seen == [7]


PROCESSES = """
import os, sys
from ase.build import bulk
from ase_orbital.training import train

if __name__ == "__main__":
    constants = [3.5 + 0.02 * index for index in range(25)]
    crystals = [bulk("Cu", a=a) for a in constants]
    run = train((crystals, constants), "run", epochs=2, batch_size=4, accelerator="cpu",
                devices=2, progress=False, members=2, sizes=(16, 4, 4),
                network_settings={"descriptor": {"name": "OneHot", "size": 113},
                                  "n_hidden": 8})
    total = sum(float(value.double().sum()) for value in run.model.parameters())
    with open(f"rank-{os.environ['LOCAL_RANK']}", "w") as file:
        file.write(repr(total))
"""


@pytest.mark.slow
def test_several_processes_train_one_model(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(PROCESSES))
    run = partial(subprocess.run, capture_output=True, text=True, timeout=300, check=False)
    done = run([sys.executable, script], cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    first, second = ((tmp_path / f"rank-{rank}").read_text() for rank in range(2))
    assert first == second
    for member in range(2):
        lines = (tmp_path / "run" / f"member-{member}" / "history.csv").read_text()
        assert [line.split(",")[0] for line in lines.split()] == ["epoch", "1", "2"]
    # 16 crystals, 2 processes, batches of 4: 2 steps an epoch.
    saved = torch.load(tmp_path / "run" / "member-0" / "last.ckpt", weights_only=True)
    assert saved["global_step"] == 4


def test_cells_of_one_atom_are_not_trained_one_by_one(quick, tmp_path):
    """A batch norm would have a single sample then, which has no variance."""
    metals = [bulk("Cu", a=3.5 + 0.02 * index) for index in range(12)]
    settings = quick | {"batch_size": 1, "sizes": (12, 0, 0)}
    with pytest.raises(SettingError, match="batch_size must be at least 2"):
        train((metals, np.arange(12.0)), tmp_path, **settings)


def test_a_run_that_diverges_stops_and_keeps_its_state(salts, quick, tmp_path, monkeypatch):
    train(salts, tmp_path, **quick)
    before = (tmp_path / "member-0" / "last.ckpt").read_bytes()
    (tmp_path / "settings.json").unlink()
    loss = TrainingModule.loss
    monkeypatch.setattr(
        TrainingModule, "loss", lambda *arguments: loss(*arguments) * float("nan")
    )
    with pytest.raises(SettingError, match="the loss of epoch 4 is nan"):
        train(salts, tmp_path, **quick | {"epochs": 5})
    assert (tmp_path / "member-0" / "last.ckpt").read_bytes() == before


def test_an_absurd_rate_is_an_error(salts, quick, tmp_path):
    with pytest.raises(SettingError, match="lower learning_rate"):
        train(salts, tmp_path, **quick | {"learning_rate": 1e30, "warm_up": 0.0})


def shortened(content):
    return content[:-100]


def with_a_flipped_bit(content):
    """In the middle of the weights: torch would load it."""
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 64]) + content[middle + 1 :]


@pytest.mark.parametrize(
    "damage", [lambda _: b"", lambda _: b"garbage", shortened, with_a_flipped_bit]
)
def test_a_damaged_checkpoint_costs_one_epoch(
    salts, settings, whole, tmp_path, kill, caplog, damage
):
    kill(seed=0, epoch=2)
    with pytest.raises(KilledError):
        train(salts, tmp_path, **settings)
    last = tmp_path / "member-0" / "last.ckpt"
    last.write_bytes(damage(last.read_bytes()))
    second = kill(seed=None, epoch=None)
    again = train(salts, tmp_path, **settings)
    assert second[0] == (0, 1)
    assert_same_weights(again, whole)
    assert "last.ckpt is damaged" in caplog.text


def test_a_damaged_history_begins_anew(salts, quick, tmp_path):
    (tmp_path / "member-0").mkdir()
    (tmp_path / "member-0" / "history.csv").write_bytes(b"epoch,seconds\n\xff,?\n")
    run = train(salts, tmp_path, **quick | {"epochs": 1})
    assert [row["epoch"] for row in history_of(run)] == ["1"]


def test_an_interruption_is_a_keyboard_interrupt(salts, quick, tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(TrainingModule, "training_step", interrupted)
    handler = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        train(salts, tmp_path, **quick)
    assert signal.getsignal(signal.SIGINT) is handler
