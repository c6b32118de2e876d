"""Train the network that predicts by how much a structure lies above its minimum."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from ase_orbital.graphs.crystal_graph import CrystalGraph
from ase_orbital.models.relaxation import RelaxationEnergy, root
from ase_orbital.training.batches import GraphDataset
from ase_orbital.training.fitting import fit
from ase_orbital.training.settings import TrainingSettings

if TYPE_CHECKING:
    from pathlib import Path

    from ase_orbital.models.crystal_model import CrystalModel

EPOCHS, LEAST_STEPS = 12, 500  # few crystals are seen more often
BATCH, FEW = 128, 10_000  # crystals in a batch; a quarter of it with fewer crystals
WIDTH, NARROW = 64, 48  # the latter for so many features that they need most weights:
MANY_FEATURES = 1000
FOLDER = "relaxation"  # in that of a run


def fit_relaxation(
    model: CrystalModel,
    crystals: CrystalGraph,
    copies: GraphDataset,
    settings: TrainingSettings,
    folder: Path,
) -> RelaxationEnergy:
    """Train the relaxation energy for the graphs of a model, or resume the training.

    Parameters
    ----------
    model
        Whose descriptor and connectivity made the graphs.
    crystals
        Relaxed crystals, for which it is zero.
    copies
        Structures above their minimum, with `relaxation`, in eV/atom.
    settings
        Of a training run, for the machine and the progress bar.
    folder
        For the checkpoints.
    """
    assert copies.relaxation is not None  # it is known for copies
    energies = torch.cat([torch.zeros(crystals.n_graphs), copies.relaxation.float()])
    roots = root(energies)
    train = GraphDataset(CrystalGraph.batch([crystals, copies.graph]), roots)
    edges = model.connectivity
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        made = RelaxationEnergy(
            descriptor=model.descriptor.to_settings(),
            n_hidden=NARROW if model.n_features > MANY_FEATURES else WIDTH,
            readout_per_atom=True,
            radius=edges.radius,
            n_neighbors=edges.n_neighbors,
            smoothing=edges.smoothing,
            target_mean=float(roots.mean()),
            target_scale=float(roots.std(unbiased=False)) or 1.0,
        )
    machine = {
        name: getattr(settings, name)
        for name in ("accelerator", "devices", "precision", "compile", "progress")
    }
    size = BATCH if len(roots) > FEW else BATCH // 4
    epochs = max(EPOCHS, LEAST_STEPS * size // len(roots))
    own = TrainingSettings(
        epochs=epochs, batch_size=size, loss="mse", seed=settings.seed, **machine
    )
    (folder / FOLDER).mkdir(parents=True, exist_ok=True)
    fit(made.network, train, None, own, folder / FOLDER)
    for weight in made.network.parameters():  # as they are stored
        if weight.ndim > 1:
            weight.data.copy_(weight.data.half())
    return made.requires_grad_(False)
