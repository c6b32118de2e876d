"""Fit the uncertainty of shipped models anew, and write it into their folders and cards.

    python pretrained/calibrate.py eosnet-band-gap-mp2018 --data FOLDER --runs FOLDER \
        --copies FOLDER
    python pretrained/calibrate.py eosnet-band-gap-mp2018 --data FOLDER --runs FOLDER \
        --evaluate

The folder of `--data` has the extended XYZ files that `recipes.py` names, that of `--runs`
caches features, the structures of `above_minimum.py`, and the networks that learn the
relaxation energy from these, which models with the same graphs share. That of `--copies`
has the files of `distorted.py`, which models of the energy at any geometry need. The
weights of the networks of the property stay as they are. With `--evaluate`, the uncertainty
stays as it is, and only the test set is evaluated again.
"""

from __future__ import annotations

import argparse
import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from above_minimum import above_minimum
from candidates import N_LOOKED_AT, looked_at
from data_sets import ELASTICITY, PEROVSKITES
from distorted import training_crystals
from left_out import left_out
from recipes import (
    RECIPES,
    Recipe,
    dataset_of,
    frames_of,
    read_copies,
    split_of,
)

from ase_orbital import load_model
from ase_orbital.checksums import TEST_IDS, UNCERTAINTY, renew_checksums
from ase_orbital.properties import RELAXATION_ENERGY, is_energy
from ase_orbital.structure import to_atoms
from ase_orbital.training import TrainingSettings
from ase_orbital.training.batches import GraphDataset
from ase_orbital.training.calibration import MOST_TRAINING, fit_uncertainty
from ase_orbital.training.cards import write_card
from ase_orbital.training.dataset import Dataset, read_dataset
from ase_orbital.training.distortions import rattled, scaled, strained
from ase_orbital.training.evaluation import Evaluation, evaluate
from ase_orbital.training.features import FeatureCache
from ase_orbital.training.preparation import make_split
from ase_orbital.training.relaxation import fit_relaxation

if TYPE_CHECKING:
    from ase import Atoms

    from ase_orbital.models.crystal_model import CrystalModel
    from ase_orbital.models.relaxation import RelaxationEnergy

logger = logging.getLogger("calibrate")
HERE = Path(__file__).parent
MOST_HELD_OUT = 2000  # crystals for the fit, and as many to evaluate it
MOST_ATOMS = 100  # of the crystals that are evaluated
# Relaxed crystals, and structures above their minimum; OCrystalNet has wider features.
MOST_RELAXED = {"EOSNet": 36_000, "OCrystalNet": 16_000}
MOST_ABOVE = {"EOSNet": 80_000, "OCrystalNet": 16_000}
N_CRYSTALS = 200  # whose distorted copies are looked at
# Names of the metrics that depend on the uncertainty.
UNCERTAIN = ("coverage_90", "in_domain", "outside_ratio")


class Graphs:
    """Make the graphs of crystals, without those that the model cannot predict."""

    def __init__(self, model: CrystalModel, cache: Path) -> None:
        self.known = set(model.elements or range(119))
        self.cache = FeatureCache(cache, model.descriptor, model.connectivity)

    def labeled(self, dataset: Dataset) -> tuple[list[str], GraphDataset]:
        """Return identifiers and graphs of crystals with targets."""
        names = [
            name
            for name, atoms in zip(dataset.ids, dataset.structures, strict=True)
            if self.known.issuperset(atoms.numbers.tolist())
        ]
        dataset = dataset.select(names)
        graph, failed = self.cache.graphs(dataset.structures)
        dataset = dataset.without({dataset.ids[i]: reason for i, reason in failed.items()})
        assert graph is not None
        values = (torch.tensor(at).float() for at in (dataset.targets, dataset.relaxation))
        targets, relaxation = values
        return dataset.ids, GraphDataset(graph, targets, relaxation=relaxation)

    def inside(self, model: CrystalModel, structures: list[Atoms]) -> float:
        """Return the share of structures in the domain."""
        unnamed = [to_atoms(atoms).copy() for atoms in structures]
        for atoms in unnamed:
            atoms.info = {}
        zeros = [0.0] * len(unnamed)
        dataset = read_dataset((unnamed, zeros), TrainingSettings())
        _, graphs = self.labeled(dataset)
        found = evaluate(model, [""] * len(graphs.targets), graphs).in_domain
        assert found is not None  # the uncertainty was fitted
        return float(found.mean())


def held_out(
    recipe: Recipe, settings: TrainingSettings, data: Path, known: set[str]
) -> list[Dataset]:
    """Return two sets of crystals that the model was not trained on, or none."""
    if recipe.data.extra:
        found = recipe.read_extra(data, known)
        extra = {str(atoms.info["id"]): atoms for atoms in found}
        split = split_of([*extra.values()], settings)
        parts = [[extra[name] for name in ids] for ids in (split.validation, split.test)]
        return [dataset_of(part, settings) for part in parts]
    name = {"mp2018": "mp_matbench"}.get(recipe.data.files[0])
    if recipe.data is ELASTICITY:
        name = "moduli_matbench"
    if name is None:
        return []
    frames = [
        atoms
        for atoms in frames_of(data / f"{name}.extxyz.gz")
        if str(atoms.info["id"]) not in known
        and not atoms.info.get("dilute")
        and len(atoms) <= (settings.most_atoms or MOST_ATOMS)
        and atoms.info.get(settings.target) is not None
    ]
    order = np.random.default_rng(0).permutation(len(frames))[: 2 * MOST_HELD_OUT]
    halves = np.array_split(order, 2)
    parts = [[frames[index] for index in half] for half in halves if len(half)]
    return [dataset_of(part, settings) for part in parts]


def copies_of(crystals: Dataset, folder: Path, settings: TrainingSettings) -> Dataset:
    """Read the distorted copies of crystals of `mp_matbench`."""
    wanted, copies = set(crystals.ids), read_copies(folder, "mp_matbench")
    return dataset_of([at for at in copies if at.info["group"] in wanted], settings)


def main() -> None:
    """Read the command line, and calibrate the models."""
    parser = argparse.ArgumentParser(description="Fit the uncertainty of shipped models.")
    parser.add_argument("names", choices=RECIPES, nargs="+", metavar="NAME")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--runs", type=Path, required=True)
    parser.add_argument("--copies", type=Path)
    parser.add_argument(
        "--evaluate", action="store_true", help="fit nothing, and evaluate the test set"
    )
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    for name in arguments.names:
        logger.info("%s", name)
        calibrate(name, arguments)


def calibrate(name: str, arguments: argparse.Namespace) -> None:
    """Fit, evaluate, and write the files of a model."""
    recipe, folder = RECIPES[name], HERE / name
    content = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    metadata = content["metadata"]
    settings = TrainingSettings(**metadata["training"]["settings"])
    model = load_model(folder)
    graphs = Graphs(model, arguments.runs / "features")
    dataset = dataset_of(recipe.read(arguments.data), settings)
    split = make_split(dataset, settings)
    check_split(folder, split.test)
    prototypes = arguments.runs / "prototypes.json"
    if arguments.evaluate:
        test = evaluate(model, *graphs.labeled(dataset.select(split.test)))
        evaluations = {"test": test} | left_out(name, test, arguments.data, prototypes)
        write(folder, model, content, evaluations, {})
        return
    small = [
        crystal
        for crystal, atoms in zip(
            split.train, dataset.select(split.train).structures, strict=True
        )
        if len(atoms) <= (settings.most_atoms or MOST_ATOMS)
    ]
    some = np.random.default_rng(0).permutation(len(small))[:MOST_TRAINING]
    _, train = graphs.labeled(dataset.select(small[index] for index in some))
    sets = {
        part: graphs.labeled(dataset.select(ids))
        for part, ids in (("validation", split.validation), ("test", split.test))
    }
    unseen = held_out(recipe, settings, arguments.data, {*dataset.ids})
    others = [graphs.labeled(at) for at in unseen]
    copies: list[tuple[list[str], GraphDataset]] = []
    if recipe.data.extra and is_energy(model.property_name):
        if not arguments.copies:
            raise SystemExit(f"{name} needs --copies, the files of distorted.py")
        made = [copies_of(at, arguments.copies, settings) for at in unseen]
        copies = [graphs.labeled(at) for at in made]
    fit_uncertainty(
        model,
        train.graph,
        sets["validation"][1],
        [part[1] for part in (others[:1] + copies[:1])],
        relaxation_of(recipe, model, graphs, dataset.select(split.train), arguments),
    )
    evaluations = {part: evaluate(model, *of_set) for part, of_set in sets.items()}
    if others:
        evaluations["held_out"] = evaluate(model, *others[1])
    if copies:
        evaluations["copies"] = evaluate(model, *copies[1])
    evaluations |= left_out(name, evaluations["test"], arguments.data, prototypes)
    base = [atoms for atoms in dataset.select(split.test).structures if len(atoms) <= 40]
    base = base[:N_CRYSTALS]
    shares = domain_shares(model, graphs, base)
    metadata["card"]["uncertainty"] = sentences(len(base), shares)
    write(folder, model, content, evaluations, shares)


def check_split(folder: Path, test: list[str]) -> None:
    """Stop if the crystals of the test set are not those that were recorded."""
    path = folder / TEST_IDS
    if path.is_file():
        recorded = set(json.loads(path.read_text(encoding="utf-8")))
        if not recorded <= set(test):
            raise SystemExit(f"the test set differs from {path}: the data are others")


def relaxation_of(
    recipe: Recipe,
    model: CrystalModel,
    graphs: Graphs,
    train: Dataset,
    arguments: argparse.Namespace,
) -> RelaxationEnergy:
    """Learn the relaxation energy of perovskites or of any crystals, or read it.

    Only crystals of training sets are relaxed or distorted: those of the model for
    perovskites, and those of the model of formation energies for all others.
    """
    runs: Path = arguments.runs
    kind = "perovskites" if recipe.data is PEROVSKITES else "mp2018"
    network = type(getattr(model, "networks", [model])[0]).__name__
    name = f"{kind}-{network.lower()}-{graphs.cache.folder.name[:8]}"
    if kind == "mp2018":
        crystals = training_crystals(arguments.data)[kind]
    else:
        crystals = [to_atoms(atoms).copy() for atoms in train.structures]
        for atoms, identifier in zip(crystals, train.ids, strict=True):
            atoms.info = {"id": identifier}
    relaxed = crystals[: MOST_RELAXED[network]]
    above = above_minimum(crystals, runs / f"above_minimum/{kind}.extxyz")
    settings = TrainingSettings(
        property_name=RELAXATION_ENERGY, compile=True, accelerator="cpu", progress=False
    )
    _, minima = graphs.labeled(read_dataset((relaxed, [0.0] * len(relaxed)), settings))
    _, others = graphs.labeled(dataset_of(above[: MOST_ABOVE[network]], settings))
    return fit_relaxation(model, minima.graph, others, settings, runs / name)


def domain_shares(
    model: CrystalModel, graphs: Graphs, crystals: list[Atoms]
) -> dict[str, float]:
    """Return the shares of distorted crystals and of random candidates in the domain."""
    random = np.random.default_rng(0)
    kinds: dict[str, list[Atoms]] = {
        "rattled by 0.12 Å": [rattled(atoms, 0.12, random) for atoms in crystals],
        "rattled by 0.2 Å": [rattled(atoms, 0.2, random) for atoms in crystals],
        "compressed by 6 %": [scaled(atoms, -0.06) for atoms in crystals],
        "strained by 3 %": [strained(atoms, 0.03, random) for atoms in crystals],
        "random candidates": looked_at(),
    }
    return {name: graphs.inside(model, structures) for name, structures in kinds.items()}


def write(
    folder: Path,
    model: CrystalModel,
    content: dict[str, Any],
    evaluations: dict[str, Evaluation],
    shares: dict[str, float],
) -> None:
    """Write uncertainty, metrics and card."""
    metadata = content["metadata"]
    metrics = {
        name: value
        for name, value in metadata["metrics"].items()
        if not (name.startswith(UNCERTAIN) and name.endswith((*evaluations,)))
    }  # those of the former uncertainty are left out
    for name, evaluation in evaluations.items():
        metrics |= {
            f"{metric}_{name}": float(f"{value:.4g}") if isinstance(value, float) else value
            for metric, value in evaluation.metrics.items()
            if name not in ("validation", "test") or metric.startswith(UNCERTAIN)
        }
    metadata["metrics"] = metrics
    for name, value in [*metrics.items(), *shares.items()]:
        logger.info("%-32s %.4g", name, value)
    assert model.uncertainty is not None  # it was fitted
    torch.save(model.uncertainty.content(), folder / UNCERTAINTY)
    text = json.dumps(content, indent=4)
    (folder / "model.json").write_text(text, encoding="utf-8")
    renew_checksums(folder)
    write_card(folder, model, metadata)


def sentences(n_crystals: int, shares: dict[str, float]) -> str:
    """Describe the shares in the domain for the card."""
    text = ", ".join(f"{value:.0%} {name}" for name, value in shares.items())
    return (
        f"Of {n_crystals} small test crystals, and {N_LOOKED_AT} random candidates of a "
        f"structure search, these are in the domain: {text}."
    )


if __name__ == "__main__":
    main()
