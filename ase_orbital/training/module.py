"""Lightning module that trains one network, its learning rates, and its history."""

from __future__ import annotations

import csv
import logging
import math
import time
from copy import deepcopy
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from lightning.pytorch import Callback, LightningModule
from torch.nn import functional

from ase_orbital.files import write_csv
from ase_orbital.training.batches import (
    Batches,
    GraphDataset,
    epoch_seed,
    first_of_groups,
    in_groups,
    shuffled,
)
from ase_orbital.training.transfer import parameter_groups

if TYPE_CHECKING:
    from pathlib import Path

    from lightning.pytorch import Trainer
    from torch import Tensor

    from ase_orbital.graphs.crystal_graph import CrystalGraph
    from ase_orbital.models.network import Network
    from ase_orbital.training.settings import TrainingSettings

logger = logging.getLogger(__name__)

VALIDATION_BATCH = 256  # crystals; without gradients, more fit into memory
SHARE_OF_MEMORY = 0.5  # of what is free on a GPU, for all graphs; batches need the rest
COLUMNS = ("epoch", "learning_rate", "train_loss", "validation_loss", "seconds")


class TrainingModule(LightningModule):
    """Lightning module that trains a network on precomputed graphs; see `fit`."""

    def __init__(
        self,
        model: Network,
        train: GraphDataset,
        validation: GraphDataset | None,
        settings: TrainingSettings,
    ) -> None:
        super().__init__()
        self.model = model
        self.settings = settings
        self._train_set, self._validation_set = train, validation
        self._groups = train.groups  # on the CPU, where the order is drawn
        self._outputs = model.training_outputs
        if settings.compile:
            self._outputs = torch.compile(model.training_outputs, dynamic=True)
        self.class_weight: Tensor | None
        self.register_buffer("class_weight", self._class_weight(train.targets), False)

    def __deepcopy__(self, memo: dict[int, Any]) -> TrainingModule:
        """Copy the weights, for their average, but not the graphs."""
        model = deepcopy(self.model, memo)
        copy = TrainingModule(model, self._train_set, self._validation_set, self.settings)
        return copy.to(self.device)

    def _class_weight(self, targets: Tensor) -> Tensor | None:
        if self.model.n_classes is None or not self.settings.class_weights:
            return None
        counts = torch.bincount(targets.long(), minlength=self.model.n_classes)
        return len(targets) / (self.model.n_classes * counts.clamp(min=1).float())

    def forward(self, graph: CrystalGraph) -> Tensor:
        """Apply the network to a batch of graphs; see `Network.training_outputs`."""
        return self._outputs(graph)

    def on_fit_start(self) -> None:
        """Move all graphs to the memory of a GPU if they fit, so that no step waits."""
        if self.device.type != "cuda":
            return
        sets = [at for at in (self._train_set, self._validation_set) if at is not None]
        free, _ = torch.cuda.mem_get_info(self.device)
        if sum(at.n_bytes for at in sets) < SHARE_OF_MEMORY * free:
            self._train_set, *others = [at.to(self.device) for at in sets]
            self._validation_set = others[0] if others else None

    def loss(self, output: Tensor, batch: GraphDataset) -> Tensor:
        """Loss in units of the target's scale, or negative log-likelihood of classes."""
        targets, weights = batch.targets, batch.weights
        if self.model.n_classes is not None:
            each = functional.nll_loss(output, targets.long(), reduction="none")
            if self.class_weight is not None:
                of_class = self.class_weight[targets.long()]
                weights = of_class if weights is None else weights * of_class
            return _weighted_mean(each, weights)
        error = output - targets
        loss = self._regression_loss(error, weights)
        if self.settings.difference_weight and batch.groups is not None:
            first = first_of_groups(batch.groups)
            copies = first != torch.arange(len(first), device=first.device)
            shares = copies if weights is None else copies * weights
            differences = self._regression_loss(error - error[first], shares)
            loss = loss + self.settings.difference_weight * differences
        return loss

    def _regression_loss(self, error: Tensor, weights: Tensor | None) -> Tensor:
        error = error / self.model.target_scale
        if self.settings.loss == "mae":
            return _weighted_mean(error.abs(), weights)
        if self.settings.loss == "mse":
            return _weighted_mean(error.square(), weights)
        zero = torch.zeros_like(error)
        return _weighted_mean(functional.huber_loss(error, zero, reduction="none"), weights)

    def train_dataloader(self) -> Batches:
        """Batches of the current epoch; Lightning calls this before each epoch."""
        settings, groups = self.settings, self._groups
        if not settings.difference_weight and settings.copies_per_epoch is None:
            groups = None
        order = shuffled(
            len(self._train_set.targets) if groups is None else int(groups.max()) + 1,
            seed=settings.seed,
            epoch=self.current_epoch,
            rank=self.global_rank,
            n_ranks=self.trainer.world_size,
        )
        if groups is not None:
            seed = epoch_seed(settings.seed, self.current_epoch)
            order = in_groups(groups, order, settings.copies_per_epoch, seed=seed)
        return Batches(self._train_set, order, self.settings.batch_size)

    def val_dataloader(self) -> Batches | list[Any]:
        """Batches of the validation set, in a fixed order."""
        if self._validation_set is None:
            return []
        return Batches(self._validation_set, None, VALIDATION_BATCH)

    def on_train_epoch_start(self) -> None:
        """Seed dropout by the epoch, so that a resumed run draws the same numbers."""
        torch.manual_seed(epoch_seed(self.settings.seed, self.current_epoch))

    def training_step(self, batch: GraphDataset, _: int) -> Tensor:
        """Set the learning rate, and return the loss of a batch."""
        n_steps = int(self.trainer.estimated_stepping_batches)
        rate = learning_rate(self.global_step, n_steps, self.settings)
        for group in self.trainer.optimizers[0].param_groups:
            group["lr"] = rate * group.get("share", 1.0)  # not in older checkpoints
        loss = self.loss(self(batch.graph), batch)
        self._log_loss("train_loss", loss, batch)
        return loss

    def validation_step(self, batch: GraphDataset, _: int) -> None:
        """Log the loss of a batch, with the averaged weights if there is an average."""
        loss = self.loss(self.model.training_outputs(batch.graph), batch)
        self._log_loss("validation_loss", loss, batch)

    def _log_loss(self, name: str, loss: Tensor, batch: GraphDataset) -> None:
        log = partial(self.log, on_step=False, on_epoch=True, sync_dist=True)
        log(name, loss, batch_size=len(batch.targets), prog_bar=name == "validation_loss")

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return Adam or AdamW for the weights of the network."""
        adam = torch.optim.Adam if self.settings.optimizer == "adam" else torch.optim.AdamW
        return adam(
            parameter_groups(self.model, self.settings),
            lr=self.settings.first_rate,
            weight_decay=self.settings.weight_decay,
            # Lightning cannot clip gradients for a fused optimizer in mixed precision.
            fused=self.settings.precision == "32-true",
        )


def _weighted_mean(values: Tensor, weights: Tensor | None) -> Tensor:
    if weights is None:
        return values.mean()
    return (values * weights).sum() / weights.sum().clamp(
        min=torch.finfo(values.dtype).tiny
    )


def learning_rate(step: int, n_steps: int, settings: TrainingSettings) -> float:
    """Return the learning rate at a step of a run with `n_steps` steps.

    It rises linearly from `first_rate` to `learning_rate` during the warm-up. Then it falls
    to `last_rate` along a cosine or an exponential, drops to a tenth at each milestone, or
    stays constant.
    """
    first, top, last = settings.first_rate, settings.learning_rate, settings.last_rate
    warm_up = settings.warm_up * n_steps
    if step < warm_up:
        return first + (top - first) * step / warm_up
    if settings.schedule == "constant":
        return top
    if settings.schedule == "milestones":
        passed = sum(step >= share * n_steps for share in settings.milestones)
        return float(top * 0.1**passed)
    progress = (step - warm_up) / max(1.0, n_steps - warm_up)
    if settings.schedule == "exponential":
        return float(top * (last / top) ** progress)
    return last + 0.5 * (top - last) * (1.0 + math.cos(math.pi * progress))


def _read_history(path: Path) -> list[dict[str, Any]]:
    """Read the rows of a history; a damaged one begins anew, as it is only a record."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        for row in rows:
            int(row["epoch"]), float(row["seconds"])
    except (OSError, ValueError, KeyError, TypeError, csv.Error):
        logger.warning("%s is damaged, and begins anew", path)
        return []
    return rows


class History(Callback):
    """Callback that writes a row of `COLUMNS` per epoch to a CSV file, and resumes it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._rows: list[dict[str, Any]] = []
        if path.is_file():
            self._rows = _read_history(path)
        self._start = 0.0

    @property
    def seconds(self) -> float:
        """Seconds of all epochs so far, including those before an interruption."""
        return float(self._rows[-1]["seconds"]) if self._rows else 0.0

    def on_train_start(self, trainer: Trainer, _: LightningModule) -> None:
        """Remove the rows of epochs that will be repeated."""
        last = trainer.current_epoch
        self._rows = [row for row in self._rows if int(row["epoch"]) <= last]

    def on_train_epoch_start(self, _: Trainer, __: LightningModule) -> None:
        """Start the clock."""
        self._start = time.perf_counter()

    def on_train_epoch_end(self, trainer: Trainer, _: LightningModule) -> None:
        """Write the row of the epoch."""
        names = ("train_loss", "validation_loss")
        losses = [float(trainer.callback_metrics.get(name, math.nan)) for name in names]
        values = [trainer.optimizers[0].param_groups[0]["lr"], *losses]
        seconds = self.seconds + time.perf_counter() - self._start
        row = [trainer.current_epoch + 1, *(f"{v:.6g}" for v in values), f"{seconds:.3f}"]
        self._rows.append(dict(zip(COLUMNS, row, strict=True)))
        if trainer.is_global_zero:
            write_csv(self.path, [COLUMNS, *(row.values() for row in self._rows)])
