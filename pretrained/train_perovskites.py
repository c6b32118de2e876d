"""Train the heat-of-formation models on the cubic perovskites, and fill in their cards.

    python pretrained/train_perovskites.py eosnet      --data perovskites.extxyz.gz
    python pretrained/train_perovskites.py ocrystalnet --data perovskites.extxyz.gz

The data are the cubic perovskites of Castelli et al., Energy Environ. Sci. 5, 9034 (2012),
as extended XYZ with `heat_of_formation` and `published_test` in the comment line. Crystals
with `published_test=T` are used once, for the figure in the card. A checkpoint is written
after every epoch; the same command goes on from it.
"""

from __future__ import annotations

import argparse
import gzip
import io
import json
import logging
import textwrap
import time
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ase.io
import numpy as np
import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm import tqdm

from ase_orbital import load_model
from ase_orbital.elements import SYMBOLS
from ase_orbital.graphs import CrystalGraph
from ase_orbital.keys import HEAT_OF_FORMATION
from ase_orbital.models import EOSNet, OCrystalNet

if TYPE_CHECKING:
    from ase import Atoms

    from ase_orbital.models.base import CrystalModel

logger = logging.getLogger("train_perovskites")

HERE = Path(__file__).parent
PUBLISHED = "eosnet_heat_of_formation"  # what the authors' model predicts for the test set
SETTINGS: dict[str, dict[str, Any]] = {
    "eosnet": {
        "network": EOSNet, "epochs": 200, "batch_size": 64,
        "warm_up": 0.15, "low": 1e-4, "high": 2e-3, "last": 1e-6, "averaging": 0.9995,
    },
    "ocrystalnet": {
        "network": OCrystalNet, "epochs": 60, "batch_size": 64,
        "warm_up": 0.04, "low": 1e-4, "high": 3e-4, "last": 1e-6, "averaging": 0.9995,
    },
}  # fmt: skip
REFERENCES = {
    "eosnet": "Tao & Zhu, J. Phys. Chem. Lett. 16, 717 (2025), "
    "doi:10.1021/acs.jpclett.4c03179",
    "ocrystalnet": "X. Yang, Leveraging Orbital Information and Atomic Feature in Deep "
    "Learning Model (Orbital CrystalNet)",
}
CARD = """\
# {name}

{class} for the **heat of formation of cubic perovskites**, `heat_of_formation` in eV/atom,
relative to the hull of the reference phases of the data set: below zero, stable.

| mean absolute error, eV/atom | |
|---|---|
| test set, {n_test:,} crystals | **{mae_test:.4f}** |
| the authors' published EOSnet on the same crystals | {mae_test_of_published_eosnet:.4f} |
| validation set, {n_validation:,} crystals | {mae_validation:.4f} |
| training set, {n_train:,} crystals | {mae_train:.4f} |

- **Network**: {class}, {parameters} weights, with the settings of the paper:
  {reference}.
  Neighbors are counted by occupation, smoothing 0.1 Å, not as the exactly nearest.
- **Data**: cubic perovskites of Castelli et al., Energy Environ. Sci. 5, 9034 (2012), from
  the Computational Materials Repository. The test set is the published test split of
  EOSnet, and was used for the figure above only. One in twenty of the others, by a hash of
  the id, is the validation set.
- **Training**: mean absolute error, Adam, batches of {batch_size}, learning rate from
  {low:g} to {high:g} in the first {warm_up:.0%} of {epochs} epochs, then along a cosine to
  {last:g}; exponential average of the weights ({averaging}). Seed {seed}; {date};
  {minutes} minutes on {threads} core(s) of a busy machine.
- **Commands**, in this repository:
  `python pretrained/train_perovskites.py {network} --data perovskites.extxyz.gz`
  trains it; with `--evaluate` it measures these figures again.
- **Limits**: five-atom cells of the perovskite structure. For other crystals it answers as
  well, without meaning. It refuses elements it has not seen.
- **Licence**: MIT, as the package. Please cite the papers above.

The {n_elements} elements it knows:
{elements}
"""


def read(path: Path) -> dict[str, list[Atoms]]:
    """Crystals for training, validation and test; validation is one in twenty by id."""
    with gzip.open(path, "rt") as file:
        text = io.StringIO(file.read())
    parts: dict[str, list[Atoms]] = {"train": [], "validation": [], "test": []}
    for atoms in ase.io.read(text, index=":", format="extxyz"):
        held_out = blake2b(atoms.info["id"].encode(), digest_size=4).digest()
        validation = int.from_bytes(held_out, "big") % 20 == 0
        if atoms.info["published_test"]:
            parts["test"].append(atoms)
        else:
            parts["validation" if validation else "train"].append(atoms)
    return parts


def featurize(
    model: CrystalModel, structures: list[Atoms]
) -> tuple[CrystalGraph, torch.Tensor]:
    """One large batch, and the targets in its order."""
    graphs = []
    for start in tqdm(range(0, len(structures), 256), desc="graphs", mininterval=5):
        graphs += model.graphs(structures[start : start + 256])
    targets = torch.tensor([atoms.info[HEAT_OF_FORMATION] for atoms in structures])
    return CrystalGraph.batch(graphs), targets.float()


def predict(model: torch.nn.Module, graph: CrystalGraph, step: int = 256) -> torch.Tensor:
    """Predictions for every member of a large batch."""
    model.eval()
    parts = torch.arange(graph.n_graphs).split(step)
    with torch.no_grad():
        return torch.cat([model(graph.select(part)) for part in parts])


def schedule(
    step: int, *, n_steps: int, warm_up: float, low: float, high: float, last: float
) -> float:
    """Learning rate: linear to `high`, then along a cosine to `last`."""
    top = warm_up * n_steps
    if step < top:
        return low + (high - low) * step / top
    fall = (step - top) / max(1.0, n_steps - top)
    return last + 0.5 * (high - last) * (1.0 + float(np.cos(np.pi * fall)))


class Run:
    """Network, optimizer, average and data of one training run."""

    def __init__(self, name: str, data: Path, seed: int, epochs: int | None) -> None:
        self.settings = SETTINGS[name]
        self.epochs = epochs or self.settings["epochs"]
        self.seed = seed
        self.structures = read(data)
        train = self.structures["train"]
        targets = np.array([atoms.info[HEAT_OF_FORMATION] for atoms in train])
        elements = sorted({int(z) for atoms in train for z in atoms.numbers})
        torch.manual_seed(seed)
        self.model: CrystalModel = self.settings["network"](
            property_name=HEAT_OF_FORMATION,
            target_mean=float(targets.mean()),
            target_scale=float(targets.std()),
            elements=elements,
        )
        self.average = AveragedModel(
            self.model,
            multi_avg_fn=get_ema_multi_avg_fn(self.settings["averaging"]),
            use_buffers=True,
        )
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=self.settings["low"])
        self.epoch = 0
        self.seconds = 0.0

    def state(self) -> dict[str, Any]:
        """All that a later process needs to go on as if there had been no break."""
        return {
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "epoch": self.epoch,
            "seconds": self.seconds,
            "random": torch.get_rng_state(),
        }

    def resume(self, state: dict[str, Any]) -> None:
        """Go on from `state`."""
        self.model.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.epoch, self.seconds = state["epoch"], state["seconds"]
        torch.set_rng_state(state["random"])

    def train_one_epoch(self, graph: CrystalGraph, targets: torch.Tensor) -> float:
        """Mean absolute error over the epoch, while training, in eV/atom."""
        start = time.perf_counter()
        self.model.train()
        shuffle = torch.Generator().manual_seed(1000 * self.seed + self.epoch)
        batches = torch.randperm(len(targets), generator=shuffle).split(
            self.settings["batch_size"]
        )
        rate = {k: self.settings[k] for k in ("warm_up", "low", "high", "last")}
        total = 0.0
        for index, batch in enumerate(batches):
            step = self.epoch * len(batches) + index
            for group in self.optimizer.param_groups:
                group["lr"] = schedule(step, n_steps=self.epochs * len(batches), **rate)
            error = (self.model(graph.select(batch)) - targets[batch]).abs().mean()
            self.optimizer.zero_grad()
            (error / self.model.target_scale).backward()
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), 5.0)
            self.optimizer.step()
            self.average.update_parameters(self.model)
            total += float(error.detach()) * len(batch)
        self.epoch += 1
        self.seconds += time.perf_counter() - start
        return total / len(targets)


def train(run: Run, checkpoint: Path) -> CrystalModel:
    """Run all epochs that are still to do; the averaged network comes back."""
    training = featurize(run.model, run.structures["train"])
    validation, expected = featurize(run.model, run.structures["validation"])
    if checkpoint.is_file():
        run.resume(torch.load(checkpoint, weights_only=True))
    while run.epoch < run.epochs:
        error = run.train_one_epoch(*training)
        averaged = (predict(run.average, validation) - expected).abs().mean()
        plain = (predict(run.model, validation) - expected).abs().mean()
        logger.info(
            "epoch %3d  train %.4f  validation %.4f  averaged %.4f eV/atom  %.0f s",
            run.epoch, error, plain, averaged, run.seconds,
        )  # fmt: skip
        torch.save(run.state(), checkpoint.with_suffix(".new"))
        checkpoint.with_suffix(".new").replace(checkpoint)
    averaged_model: CrystalModel = run.average.module
    return averaged_model.eval()


def evaluate(model: CrystalModel, structures: dict[str, list[Atoms]]) -> dict[str, Any]:
    """Sizes of the sets and mean absolute errors on them, in eV/atom."""
    figures: dict[str, Any] = {}
    for part, members in structures.items():
        graph, expected = featurize(model, members)
        figures[f"n_{part}"] = len(members)
        errors = (predict(model, graph) - expected).abs()
        figures[f"mae_{part}"] = round(float(errors.mean()), 5)
    known = np.array([atoms.info[HEAT_OF_FORMATION] for atoms in structures["test"]])
    published = np.array([atoms.info[PUBLISHED] for atoms in structures["test"]])
    error = float(np.abs(published - known).mean())
    figures["mae_test_of_published_eosnet"] = round(error, 5)
    return figures


def write_card(folder: Path, model: CrystalModel, metadata: dict[str, Any]) -> None:
    """Write the model card from what was measured."""
    figures, training = metadata["figures"], metadata["training"]
    settings = SETTINGS[training["network"]]
    symbols = [SYMBOLS[number] for number in model.elements or []]
    values = {
        **settings,
        **figures,
        **training,
        "name": folder.name,
        "class": type(model).__name__,
        "reference": REFERENCES[training["network"]],
        "parameters": f"{model.num_parameters:,}",
        "n_elements": len(symbols),
        "elements": textwrap.fill(" ".join(symbols), 88),
        "minutes": round(training["seconds"] / 60),
    }
    (folder / "README.md").write_text(CARD.format(**values), encoding="utf-8")


def main() -> None:
    """Train or load, measure, and save the model folder with its card."""
    parser = argparse.ArgumentParser(description="Train the models of perovskites.")
    parser.add_argument("network", choices=SETTINGS)
    parser.add_argument("--data", type=Path, required=True, help="perovskites.extxyz.gz")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, help="default: the setting of the network")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--output", type=Path, help="default: beside this file")
    parser.add_argument(
        "--evaluate", action="store_true", help="measure the model in the folder again"
    )
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    torch.set_num_threads(arguments.threads)
    folder = arguments.output or HERE / f"{arguments.network}-heat-of-formation-perovskites"
    folder.mkdir(parents=True, exist_ok=True)
    if arguments.evaluate:
        model = load_model(folder)
        metadata = json.loads((folder / "model.json").read_text(encoding="utf-8"))[
            "metadata"
        ]
        structures = read(arguments.data)
    else:
        run = Run(arguments.network, arguments.data, arguments.seed, arguments.epochs)
        structures = run.structures
        model = train(run, folder / "checkpoint.pt")
        metadata = {
            "training": {
                "network": arguments.network,
                "seed": arguments.seed,
                "epochs": run.epochs,
                "seconds": round(run.seconds),
                "threads": arguments.threads,
                "date": datetime.now(UTC).date().isoformat(),
            }
        }
    metadata["figures"] = evaluate(model, structures)
    model.save(folder, metadata=metadata)
    write_card(folder, model, metadata)
    for name, value in metadata["figures"].items():
        logger.info("%-30s %s", name, value)


if __name__ == "__main__":
    main()
