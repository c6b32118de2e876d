"""A run without a terminal says how far it is, and an interrupted one what is kept."""

import logging
import re

import numpy as np
import pytest
from ase.build import bulk

from ase_orbital.training import progress, train
from ase_orbital.training.distortions import rattled
from ase_orbital.training.module import TrainingModule
from ase_orbital.training.progress import what_is_kept

LINE = (
    r"member-0, epoch (\d) of 3: train loss [\d.]+, validation loss [\d.]+, "
    r"learning rate [\d.e-]+, \d+ s left"
)


@pytest.mark.parametrize(
    ("seconds", "epochs"), [(60.0, ["1", "3"]), (0.0, ["1", "2", "3"])]
)
def test_the_first_the_last_and_an_epoch_a_minute_are_logged(
    salts, quick, tmp_path, caplog, monkeypatch, seconds, epochs
):
    monkeypatch.setattr(progress, "SECONDS", seconds)
    with caplog.at_level(logging.INFO):
        train(salts, tmp_path, **quick)
    assert re.findall(LINE, caplog.text) == epochs


@pytest.fixture
def interrupt(monkeypatch):
    """Interrupt the training before a step for which a condition is true."""
    step = TrainingModule.training_step

    def interrupt_if(condition):
        def interrupted(module, batch, index):
            if condition(module):
                raise KeyboardInterrupt
            return step(module, batch, index)

        monkeypatch.setattr(TrainingModule, "training_step", interrupted)

    return interrupt_if


def test_an_interrupted_run_says_what_is_kept(salts, quick, tmp_path, caplog, interrupt):
    interrupt(lambda module: module.current_epoch == 2)
    with pytest.raises(KeyboardInterrupt):
        train(salts, tmp_path, **quick)
    assert "keeps the features and 2 epochs of member-0; the same command" in caplog.text


def test_the_relaxation_energy_goes_on_as_well(quick, tmp_path, caplog, interrupt):
    random, structures = np.random.default_rng(0), []
    for index, a in enumerate(np.linspace(5.2, 6.2, 30)):
        for amplitude in (0.0, 0.2):
            atoms = rattled(bulk("NaCl", "rocksalt", a=a) * (2, 1, 1), amplitude, random)
            atoms.info = {"id": f"{index}-{amplitude}", "group": str(index)}
            if amplitude:
                atoms.info["relaxation_energy_per_atom"] = 0.3
            structures.append(atoms)
    source = structures, [atoms.get_volume() for atoms in structures]
    settings = quick | {"group_column": "group", "epochs": 1, "test_column": None}
    seen = []

    def at_third_epoch(module):
        if module.settings.loss != "mse":  # that of the relaxation energy
            return False
        seen.append(module.current_epoch)
        return module.current_epoch == 2 and seen.count(2) == 1

    interrupt(at_third_epoch)
    with pytest.raises(KeyboardInterrupt):
        train(source, tmp_path, **settings)
    assert "1 epochs of member-0, 2 epochs of relaxation; the same" in caplog.text
    n_steps = len(seen)
    train(source, tmp_path, **settings)
    assert seen[n_steps] == 2  # it goes on there


def test_before_the_first_epoch_only_features_are_kept(tmp_path):
    assert "the features and no epoch yet" in what_is_kept(tmp_path)
