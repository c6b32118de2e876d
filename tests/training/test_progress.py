"""A run without a terminal says how far it is, and an interrupted one what is kept."""

import logging
import re

import pytest

from ase_orbital.training import progress, train
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


def test_an_interrupted_run_says_what_is_kept(salts, quick, tmp_path, caplog, monkeypatch):
    step = TrainingModule.training_step

    def interrupted(module, batch, index):
        if module.current_epoch == 2:
            raise KeyboardInterrupt
        return step(module, batch, index)

    monkeypatch.setattr(TrainingModule, "training_step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train(salts, tmp_path, **quick)
    assert "keeps the features and 2 epochs of member-0; the same command" in caplog.text


def test_before_the_first_epoch_only_features_are_kept(tmp_path):
    assert "the features and no epoch yet" in what_is_kept(tmp_path)
