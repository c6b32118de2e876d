"""What a run says while it trains, and when it is interrupted."""

from __future__ import annotations

import csv
import logging
import math
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from lightning.pytorch import Callback

if TYPE_CHECKING:
    from pathlib import Path

    from lightning.pytorch import LightningModule, Trainer

logger = logging.getLogger(__name__)

SECONDS = 60.0  # between two lines, if epochs are shorter


class EpochLog(Callback):
    """Callback that logs a line for the first and last epoch, and for others once a minute.

    It stands in for a progress bar where there is no terminal.
    """

    def __init__(self, name: str) -> None:
        self.name = name  # of the network, such as member-0
        self._start = self._last = 0.0
        self._first = 0

    def on_train_start(self, trainer: Trainer, _: LightningModule) -> None:
        """Start the clock."""
        self._start, self._first = time.monotonic(), trainer.current_epoch

    def on_train_epoch_end(self, trainer: Trainer, _: LightningModule) -> None:
        """Log the epoch."""
        done, n_epochs = trainer.current_epoch + 1, trainer.max_epochs or 0
        now = time.monotonic()
        if self._last and now - self._last < SECONDS and done < n_epochs:
            return
        self._last = now
        left = (now - self._start) / (done - self._first) * (n_epochs - done)
        losses = [
            f"{name.replace('_', ' ')} {float(trainer.callback_metrics[name]):.4f}"
            for name in ("train_loss", "validation_loss")
            if name in trainer.callback_metrics
        ]
        rate = trainer.optimizers[0].param_groups[0]["lr"]
        if trainer.is_global_zero:
            logger.info(
                "%s, epoch %d of %d: %s, learning rate %.1e, %s left",
                self.name, done, n_epochs, ", ".join(losses), rate, _duration(left),
            )  # fmt: skip


def what_is_kept(folder: Path) -> str:
    """Say which epochs of an interrupted run are kept, and how to go on."""
    kept = []
    for path in sorted(folder.glob("*/history.csv")):
        with suppress(OSError, ValueError, csv.Error), path.open(newline="") as file:
            kept.append(f"{len(list(csv.DictReader(file)))} epochs of {path.parent.name}")
    return (
        f"interrupted: {folder} keeps the features and {', '.join(kept) or 'no epoch yet'}"
        "; the same command or call goes on from there"
    )


def _duration(seconds: float) -> str:
    if seconds < 60.0:
        return f"{seconds:.0f} s"
    if seconds < 5400.0:
        return f"{math.ceil(seconds / 60.0)} min"
    return f"{seconds / 3600.0:.1f} h"
