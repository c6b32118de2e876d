"""An epoch of training on features that lie ready, against the reference networks."""

from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import torch

from ase_orbital.graphs import CrystalGraph
from ase_orbital.graphs.converters import build_graphs
from ase_orbital.models import EOSNet, OCrystalNet
from ase_orbital.training.batches import Batches, GraphDataset, shuffled
from ase_orbital.training.features import FeatureCache

from .references import StraightEOSNet, StraightOCrystalNet
from .table import SkippedError
from .timing import Work, rates

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ase import Atoms
    from torch import nn

    from ase_orbital.models.crystal_model import CrystalModel

    from .references import Reference
    from .sets import Sets
    from .table import Row

BATCH = 64  # crystals a step, as the settings of training have it
CRYSTALS = {"EOSNet": 256, "OCrystalNet": 128}  # an epoch: a second or a few
EQUAL = 1e-4  # of what the networks give, which is of the order of 1


def eosnet(sets: Sets, repetitions: int) -> Iterator[Row]:
    """EOSNet of the paper's size."""
    torch.manual_seed(0)
    yield from _rows(EOSNet(), StraightEOSNet, sets, repetitions)


def eosnet_compiled(sets: Sets, repetitions: int) -> Iterator[Row]:
    """The same with the setting `compile`, as the recipes of the shipped models have it."""
    if shutil.which("c++") is None:
        raise SkippedError("torch.compile needs a C++ compiler")
    torch.manual_seed(0)
    yield from _rows(EOSNet(), StraightEOSNet, sets, repetitions, compiled=True)


def ocrystalnet(sets: Sets, repetitions: int) -> Iterator[Row]:
    """OCrystalNet of the paper's size."""
    torch.manual_seed(0)
    yield from _rows(OCrystalNet(), StraightOCrystalNet, sets, repetitions)


def _rows(
    model: CrystalModel,
    straight: Callable[[CrystalModel], Reference],
    sets: Sets,
    repetitions: int,
    *,
    compiled: bool = False,
) -> Iterator[Row]:
    network = type(model).__name__
    run = torch.compile(model, dynamic=True) if compiled else model
    for name, available in sets.available("P", "D", "C"):
        crystals = available[: CRYSTALS[network]]
        merged, whole = graphs_of(model, crystals)
        reference = straight(model)
        check_equal(model, reference, merged, whole)
        targets = torch.linspace(-1.0, 1.0, len(crystals))
        yield rates(
            f"{network} epoch{', compiled' * compiled}, against one written edge by edge",
            name,
            "crystals/s",
            Work(Epoch(run, GraphDataset(merged, targets), fused=True), len(crystals)),
            Work(
                Epoch(reference, GraphDataset(whole, targets), fused=False), len(crystals)
            ),
            repetitions=repetitions,
            min_ratio=3,
        )


class Epoch:
    """Goes through the crystals once: forward, backward and a step of Adam a batch.

    Adam is fused as in our training, or as torch has it by default. The crystals are on the
    device of the network, as in our training.
    """

    def __init__(
        self,
        network: nn.Module,
        crystals: GraphDataset,
        *,
        fused: bool,
    ) -> None:
        self.network = network
        self.crystals = crystals
        self.optimizer = torch.optim.Adam(network.parameters(), lr=1e-4, fused=fused)

    def __call__(self) -> None:
        """Train."""
        self.network.train()
        order = shuffled(len(self.crystals.targets), seed=0, epoch=0)
        for batch in Batches(self.crystals, order, BATCH):
            self.optimizer.zero_grad()
            error = self.network(batch.graph) - batch.targets
            error.abs().mean().backward()
            self.optimizer.step()


def graphs_of(
    model: CrystalModel, crystals: list[Atoms]
) -> tuple[CrystalGraph, CrystalGraph]:
    """Graphs as training has them, equivalent atoms merged, and as the crystals are."""
    with TemporaryDirectory() as folder:
        cache = FeatureCache(Path(folder), model.descriptor, model.connectivity)
        merged, failed = cache.graphs(crystals)
    assert merged is not None
    assert not failed
    descriptor = model.descriptor.with_precision("float32")
    whole = build_graphs(crystals, descriptor, model.connectivity)
    return merged, CrystalGraph.batch(whole)


def check_equal(
    model: CrystalModel, reference: Reference, merged: CrystalGraph, whole: CrystalGraph
) -> None:
    """Hold the networks to one answer, each on its own graphs."""
    model.eval()
    reference.eval()
    with torch.no_grad():
        torch.testing.assert_close(model(merged), reference(whole), atol=EQUAL, rtol=EQUAL)
