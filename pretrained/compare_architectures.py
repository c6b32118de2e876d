"""Compare other architectures with EOSNet on elastic moduli, and print a table.

    python pretrained/compare_architectures.py --data FOLDER --runs FOLDER

The crystals are those of `moduli_matbench` outside fold 0 that have both moduli: 85 % for
training and 15 % for validation. All networks see the same crystals in the same order for
the same number of epochs. Finished networks are not trained again.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from architectures import (
    AngularEOSNet,
    DenseEOSNet,
    MaskedEOSNet,
    OrderedEOSNet,
    SharedEOSNet,
    VoronoiEOSNet,
    voronoi_graph,
    with_orders,
)
from recipes import DEEP, FROM_ENERGY, ORDERED, frames_of
from torch.nn import functional

from ase_orbital import load_model, properties
from ase_orbital.files import write_text
from ase_orbital.graphs.converters import build_batch
from ase_orbital.models import Ensemble, EOSNet
from ase_orbital.structure import to_atoms
from ase_orbital.training import TrainingSettings
from ase_orbital.training.batches import Batches, GraphDataset
from ase_orbital.training.features import FeatureCache
from ase_orbital.training.fitting import fit
from ase_orbital.training.splits import draw_split

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from ase_orbital.graphs.crystal_graph import CrystalGraph

logger = logging.getLogger("architectures")
TARGETS = (properties.BULK_MODULUS, properties.SHEAR_MODULUS)
SIZES = (0.85, 0.15, 0.0)


@dataclass(frozen=True)
class Variant:
    """A network to compare.

    Parameters
    ----------
    network
        Its class.
    settings
        Of the network.
    targets
        Properties that it learns.
    epochs
        Of training.
    start
        Folder of the model that it starts from; "masked" for one that predicted hidden
        features, and None for random weights.
    """

    network: Callable[..., EOSNet] = EOSNet
    settings: dict[str, Any] | None = None
    targets: tuple[str, ...] = TARGETS[1:]
    epochs: int = 30
    start: str | None = None


ENERGY = FROM_ENERGY["start_from"]
SHIPPED = "pretrained/eosnet-{}-mp2018"
PER_ATOM = {"readout_per_atom": True}
VARIANTS = {
    "from energies: shear modulus": Variant(epochs=50, start=ENERGY),
    "from energies: bulk modulus": Variant(targets=TARGETS[:1], epochs=50, start=ENERGY),
    "from energies: both moduli, one trunk": Variant(
        SharedEOSNet, {"n_targets": 2}, TARGETS, 50, ENERGY
    ),
    "from the shipped energies": Variant(
        epochs=50, start=SHIPPED.format("formation-energy")
    ),
    "from energies, with orientational order": Variant(
        OrderedEOSNet, epochs=50, start=ENERGY
    ),
    "from energies, with orientational order: bulk modulus": Variant(
        OrderedEOSNet, targets=TARGETS[:1], epochs=50, start=ENERGY
    ),
    "from energies, with orientational order by distance": Variant(
        settings={"descriptor": ORDERED.to_settings()}, epochs=50, start=ENERGY
    ),
    "from energies, with orientational order by distance: bulk modulus": Variant(
        settings={"descriptor": ORDERED.to_settings()},
        targets=TARGETS[:1],
        epochs=50,
        start=ENERGY,
    ),
    "from band gaps": Variant(
        settings={"readout_per_atom": False}, epochs=50, start=SHIPPED.format("band-gap")
    ),
    "random weights": Variant(),
    "300 epochs": Variant(epochs=300),
    "24 neighbors": Variant(settings={"n_neighbors": 24}),
    "dense connections": Variant(DenseEOSNet),
    "start from hidden features": Variant(start="masked"),
    "Voronoi faces": Variant(VoronoiEOSNet),
    "angles, line graph": Variant(AngularEOSNet),
    "random weights, other seed": Variant(settings={"seed": 1}),
}


class Comparison:
    """Crystals, their graphs, and the networks that are trained on them."""

    def __init__(self, data: Path, runs: Path) -> None:
        self.runs, self.cache = runs / "architectures", runs / "features"
        frames = frames_of(data / "moduli_matbench.extxyz.gz")
        self.crystals = {
            str(atoms.info["id"]): atoms
            for atoms in frames
            if atoms.info["fold"] != 0 and all(atoms.info.get(at, 0) > 0 for at in TARGETS)
        }
        self.split = draw_split([*self.crystals], None, SIZES, 0)

    def datasets(self, variant: Variant, model: EOSNet) -> list[GraphDataset]:
        """Return the training and the validation set."""
        made = []
        for names in (self.split.train, self.split.validation):
            crystals = [self.crystals[name] for name in names]
            values = [[at.info[name] for name in variant.targets] for at in crystals]
            structures = [to_atoms(atoms) for atoms in crystals]
            graph: CrystalGraph | None
            if variant.network is VoronoiEOSNet:
                graph = voronoi_graph(structures, model)
            elif variant.network is AngularEOSNet:  # angles need all atoms
                graph = build_batch(
                    structures, model.descriptor, model.connectivity, merged=False
                )
            else:
                cache = FeatureCache(self.cache, model.descriptor, model.connectivity)
                graph, _ = cache.graphs(structures)
            assert graph is not None
            if variant.network is OrderedEOSNet:
                graph = with_orders(graph, structures)
            targets = torch.tensor(np.log10(values)).float().squeeze(1)
            made.append(GraphDataset(graph, targets))
        return made

    def errors(self, name: str) -> dict[str, list[float]]:
        """Train a network, unless it is done; return its errors for each target."""
        folder = self.runs / name.replace(" ", "-").replace(",", "").replace(":", "")
        record = folder / "errors.json"
        if record.is_file():
            content: dict[str, Any] = json.loads(record.read_text(encoding="utf-8"))
            return content["errors"]
        variant, began = VARIANTS[name], time.perf_counter()
        values = dict(variant.settings or {})
        seed = values.pop("seed", 0)
        torch.manual_seed(seed)
        model = variant.network(**DEEP | PER_ATOM | values)
        train, validation = self.datasets(variant, model)
        model.target_mean.copy_(train.targets.mean(0))
        model.target_scale.copy_(train.targets.std(0))
        folder.mkdir(parents=True, exist_ok=True)
        rate = {"learning_rate": 2e-3, "warm_up": 0.15}
        if variant.start == "masked":
            take_weights(model, self.masked(train).state_dict())
        elif variant.start is not None:
            start = load_model(variant.start)
            first = start.networks[0] if isinstance(start, Ensemble) else start
            take_weights(model, first.state_dict())
            rate = {"learning_rate": 1e-3, "warm_up": 0.05}
        settings = TrainingSettings(
            epochs=variant.epochs, seed=seed, compile=True, accelerator="cpu",
            progress=False, **rate,
        )  # fmt: skip
        fit(model, train, validation, settings, folder)
        found = {
            target: values.tolist()
            for target, values in zip(
                variant.targets, absolute_errors(model, validation).T, strict=True
            )
        }
        minutes = (time.perf_counter() - began) / 60.0
        write_text(record, json.dumps({"minutes": minutes, "errors": found}))
        return found

    def masked(self, train: GraphDataset, epochs: int = 15) -> MaskedEOSNet:
        """Train a network to predict the features of hidden atoms."""
        model = MaskedEOSNet(**DEEP | PER_ATOM)
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
        for epoch in range(epochs):
            total = 0.0
            batches = Batches(train, torch.randperm(len(train.targets)), 64)
            for batch in batches:
                loss = model.loss(batch.graph)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                total += float(loss)
            logger.info("hidden features, epoch %d: %.4f", epoch + 1, total / len(batches))
        return model


def take_weights(model: EOSNet, weights: dict[str, Tensor]) -> None:
    """Take the weights that fit, but those of the output.

    The weights of features that the other network lacks begin at zero.
    """
    own = model.state_dict()
    taken = {}
    for name, value in weights.items():
        if name not in own or name.startswith(("output.", "target_")):
            continue
        if name == "embedding.weight":
            value = functional.pad(value, (0, own[name].shape[1] - value.shape[1]))
        if own[name].shape == value.shape:
            taken[name] = value
    model.load_state_dict(own | taken)


@torch.no_grad()
def absolute_errors(model: EOSNet, dataset: GraphDataset) -> np.ndarray[Any, Any]:
    """Return the absolute errors, [n_crystals, n_targets]."""
    predicted = torch.cat(
        [model.training_outputs(batch.graph) for batch in Batches(dataset, None, 64)]
    )
    errors: np.ndarray[Any, Any] = (predicted - dataset.targets).abs().numpy()
    return errors.reshape(len(errors), -1)


def main() -> None:
    """Train the networks that are not done, and print the table."""
    parser = argparse.ArgumentParser(description="Compare architectures with EOSNet.")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--runs", type=Path, required=True)
    parser.add_argument("--only", nargs="+", choices=VARIANTS, default=[*VARIANTS])
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    comparison = Comparison(arguments.data, arguments.runs)
    lines = ["| network | property | error | change of the mean |", "|---|---|---|---|"]
    first: dict[tuple[str, bool], np.ndarray[Any, Any]] = {}
    for name in arguments.only:
        for target, values in comparison.errors(name).items():
            errors = np.array(values)
            # Networks that start from models are compared among themselves.
            kind = VARIANTS[name].start in (None, "masked")
            reference = first.setdefault((target, kind), errors)
            change = errors - reference
            spread = change.std() / len(change) ** 0.5
            lines.append(
                f"| {name} | {target} | {errors.mean():.4f} | "
                f"{change.mean():+.4f} ± {spread:.4f} |"
            )
            logger.info("%s", lines[-1])
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
