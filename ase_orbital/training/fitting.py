"""Training of one network, with a checkpoint after each epoch."""

from __future__ import annotations

import logging
import math
import signal
import warnings
from contextlib import contextmanager, suppress
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint, WeightAveraging
from lightning.pytorch.loggers import TensorBoardLogger
from torch import nn

from ase_orbital.errors import DataError, SettingError
from ase_orbital.files import check_zip
from ase_orbital.models.rounding import clear_unseen_inputs, round_weights
from ase_orbital.training.batches import Batches, shuffled
from ase_orbital.training.module import History, TrainingModule
from ase_orbital.training.progress import EpochLog

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lightning.pytorch import LightningModule
    from torch import Tensor

    from ase_orbital.models.crystal_model import CrystalModel
    from ase_orbital.models.network import Network
    from ase_orbital.training.batches import GraphDataset
    from ase_orbital.training.settings import TrainingSettings

logger = logging.getLogger(__name__)

MONITORED = "validation_loss"
MOST_FOR_NORMS = 50_000  # crystals; more take minutes, and move a mean by 0.001 std
TENSORBOARD = find_spec("tensorboard") is not None


def fit(
    model: Network,
    train: GraphDataset,
    validation: GraphDataset | None,
    settings: TrainingSettings,
    folder: Path,
) -> float:
    """Train a network in place, or resume from the checkpoint in a folder.

    Parameters
    ----------
    model
        Network with initial weights. Afterwards it has the averaged weights of the last
        epoch, or of the best one with `patience`, rounded as in `models.rounding`, and is
        on the CPU in evaluation mode.
    train, validation
        Graphs and targets.
    folder
        Folder for `last.ckpt`, `history.csv`, and TensorBoard's files if it is installed.

    Returns
    -------
    float
        Seconds of training, including those before an interruption.

    Raises
    ------
    SettingError
        If this machine lacks the accelerator, the number of devices, or the precision; if
        batches are too small for batch norms; or if the loss becomes infinite or nan. The
        checkpoint of the epoch before is kept.
    """
    last = folder / "last.ckpt"
    history = History(folder / "history.csv")
    patient = settings.patience is not None
    if patient and validation is None:
        raise SettingError("patience needs a validation set; give it a size in sizes")
    normed = any(isinstance(part, nn.BatchNorm1d) for part in model.modules())
    if normed and settings.batch_size == 1 and int(train.graph.n_atoms.min()) == 1:
        raise SettingError(
            "batch_size must be at least 2, because the batch norms of this network need "
            "several values, and a crystal of the training set has one distinct atom"
        )
    every_epoch: dict[str, Any] = {
        "enable_version_counter": False,
        "save_on_train_epoch_end": True,
    }
    callbacks: list[Any] = [_Finite(), history]
    if not settings.progress:
        callbacks.append(EpochLog(folder.name))
    if settings.averaging:
        average = partial(moving_average, decay=settings.averaging)
        callbacks.append(WeightAveraging(multi_avg_fn=average))
    if settings.patience is not None:
        callbacks.append(_Patience(MONITORED, patience=settings.patience))
        callbacks.append(ModelCheckpoint(folder, "best", monitor=MONITORED, **every_epoch))
    callbacks.append(_LastTwo(folder, "last", **every_epoch))
    model.train()  # Lightning leaves layers in evaluation mode as they are
    with _quiet(), torch.random.fork_rng():
        trainer = _trainer(settings, callbacks, folder)
        module = TrainingModule(model, train, validation, settings)
        with _interruptible():
            trainer.fit(module, ckpt_path=_readable(last), weights_only=True)
    # Always from the file: a finished run that is resumed trains no epoch, so the module
    # has the weights of the last step instead of their average.
    best = folder / "best.ckpt" if patient else last
    try:
        saved = _loaded(best)
    except Exception as error:  # damaged files raise many kinds of errors
        raise DataError(
            f"{best} is damaged; remove the folder {folder} to train this network again"
        ) from error
    module.load_state_dict(saved["state_dict"])
    model.to("cpu").eval()
    if model.input_layer is not None:
        clear_unseen_inputs(model.input_layer, train.graph.features)
    round_weights(model)
    _update_batch_norms(model, train, settings)
    return history.seconds


def _update_batch_norms(
    model: CrystalModel, train: GraphDataset, settings: TrainingSettings
) -> None:
    """Compute the statistics of the batch norms on training crystals, at the final weights.

    The running statistics belong to the weights of earlier steps. After a long run the
    difference is negligible; after a short one they multiply the error.
    """
    norms = [part for part in model.modules() if isinstance(part, nn.BatchNorm1d)]
    if not norms:
        return
    momenta, seen = [norm.momentum for norm in norms], 0
    nn.ModuleList(norms).train()
    with torch.no_grad():
        order = shuffled(len(train.targets), seed=settings.seed, epoch=0)[:MOST_FOR_NORMS]
        for batch in Batches(train, order, settings.batch_size):
            seen += len(batch.targets)
            for norm in norms:  # gives every crystal the same weight
                norm.momentum = len(batch.targets) / seen
            model(batch.graph)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    model.eval()


def _trainer(settings: TrainingSettings, callbacks: list[Any], folder: Path) -> Trainer:
    try:
        return Trainer(
            max_epochs=settings.epochs,
            accelerator=settings.accelerator,
            devices=settings.devices,
            strategy="ddp" if settings.devices > 1 else "auto",
            precision=settings.precision,
            gradient_clip_val=settings.clip,
            callbacks=callbacks,
            logger=TENSORBOARD and TensorBoardLogger(folder, "tensorboard", ""),
            enable_progress_bar=settings.progress,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            reload_dataloaders_every_n_epochs=1,
            default_root_dir=folder,
        )
    except (MisconfigurationException, ValueError) as error:
        raise SettingError(f"this machine cannot train like this: {error}") from error


class _Finite(Callback):
    """Stops a run before weights that are no numbers replace a checkpoint."""

    def on_train_epoch_end(self, trainer: Trainer, module: LightningModule) -> None:
        """Raise SettingError if the loss of the epoch, or a weight, is not finite."""
        loss = float(trainer.callback_metrics.get("train_loss", 0.0))
        # In half precision single batches overflow, and are skipped.
        sound = math.isfinite(loss) or trainer.precision == "16-mixed"
        if not (sound and all(at.isfinite().all() for at in module.parameters())):
            raise SettingError(
                f"the loss of epoch {trainer.current_epoch + 1} is {loss}, and the run "
                "stops; start another one, in another folder, with a lower learning_rate"
            )


class _LastTwo(ModelCheckpoint):
    """Keeps the checkpoint of the epoch before, in case the last one is damaged."""

    def _save_checkpoint(self, trainer: Trainer, filepath: str) -> None:
        path = Path(filepath)
        if trainer.is_global_zero and path.is_file():
            path.replace(_before(path))
        super()._save_checkpoint(trainer, filepath)


def _before(last: Path) -> Path:
    return last.with_name("previous.ckpt")


def _readable(last: Path) -> Path | None:
    """Return the last checkpoint that can be read; None to begin from the start."""
    for path in (last, _before(last)):
        if not path.is_file():
            continue
        try:
            _loaded(path)
        except Exception as error:  # damaged files raise many kinds of errors
            reason = f"{type(error).__name__}: {error}".split("\n")[0]
            logger.warning("%s is damaged, and set aside: %s", path, reason)
            with suppress(FileNotFoundError):  # another process of the run was first
                path.replace(path.with_suffix(".damaged"))
        else:
            return path
    return None


def _loaded(path: Path) -> dict[str, Any]:
    check_zip(path)  # torch does not
    saved: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return saved


class _Patience(EarlyStopping):
    """Early stopping that remains in effect when a stopped run is resumed."""

    def on_train_start(self, trainer: Trainer, _: LightningModule) -> None:
        """Stop before the first epoch if the patience was exhausted before."""
        if self.wait_count >= self.patience:
            trainer.should_stop = True


def moving_average(
    averages: list[Tensor], values: list[Tensor], n_before: Tensor | int, *, decay: float
) -> None:
    """Update moving averages, faster at first so that short runs forget their start."""
    decay = min(decay, (1.0 + float(n_before)) / (10.0 + float(n_before)))
    for average, value in zip(averages, values, strict=True):
        if average.is_floating_point():
            average.lerp_(value, 1.0 - decay)
        else:
            average.copy_(value)


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let Ctrl-C arrive as KeyboardInterrupt, of which Lightning makes a SystemExit.

    Lightning also ignores every later Ctrl-C of the process.
    """
    handler = signal.getsignal(signal.SIGINT)
    try:
        yield
    except SystemExit as error:
        if not isinstance(error.__context__, KeyboardInterrupt):
            raise
        signal.signal(signal.SIGINT, handler)
        raise KeyboardInterrupt from None


@contextmanager
def _quiet() -> Iterator[None]:
    """Hide Lightning's advice; its errors are raised all the same."""
    loggers = [logging.getLogger(f"lightning.{name}") for name in ("pytorch", "fabric")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            # Lightning's calls to torch raise future warnings, too.
            for category in (UserWarning, FutureWarning):
                warnings.filterwarnings("ignore", category=category, module="lightning")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
