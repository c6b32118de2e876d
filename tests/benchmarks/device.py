"""Descriptors, networks, predictions and training on a device, against all CPU threads."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ase_orbital import GOM, Predictor
from ase_orbital.models import Ensemble, EOSNet, OCrystalNet
from ase_orbital.numerics.threads import chunks_by_size, each_on_one_thread
from ase_orbital.predict.prepared_model import PreparedModel
from ase_orbital.training.batches import GraphDataset

from .epochs import Epoch
from .sets import n_atoms, rattled_titanates
from .table import Row
from .timing import medians

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ase import Atoms

    from ase_orbital.graphs import CrystalGraph

REPEATS = (1, 2, 4, 8)  # of the cell of 5 atoms along each axis
MAX_EDGES = 2048  # of the graphs that one CPU thread computes together, as in a prediction
SECONDS = 4.0  # a row stops after the turn in which they have passed
EQUAL = 1e-3  # of the standard deviation of the outputs, in single precision


@dataclass(frozen=True)
class Device:
    """A device, and how many atoms the set of each size has together."""

    name: str
    n_atoms: int

    def sets(self, share: float = 1.0) -> Iterator[tuple[str, list[Atoms]]]:
        """Rattled SrTiO3 cells of each size that the number of atoms allows."""
        for repeat in REPEATS:
            size, n_atoms = 5 * repeat**3, int(share * self.n_atoms)
            if size <= n_atoms:
                number = n_atoms // size
                crystals = rattled_titanates((repeat,) * 3, number)
                yield f"{number} x {size} atoms", crystals

    def row(
        self,
        what: str,
        crystals: str,
        unit: str,
        amount: int,
        there: Callable[[], object],
        *here: Callable[[], object],
        repetitions: int,
    ) -> Row:
        """Compare a rate on the device with the best of some on the CPU."""

        def finished() -> None:
            there()
            if torch.device(self.name).type == "cuda":
                torch.cuda.synchronize()

        mine, *others = medians(finished, *here, repetitions=repetitions, seconds=SECONDS)
        return Row(
            what=f"{what}, {self.name} against {torch.get_num_threads()} CPU thread(s)",
            crystals=crystals,
            unit=unit,
            ours=amount / mine,
            against=amount / min(others),
        )


def gom(device: Device, repetitions: int) -> Iterator[Row]:
    """Overlap matrix fingerprints in single precision."""
    for orbitals, share in (("s", 1.0), ("sp", 0.5)):
        here = GOM(orbitals=orbitals, dtype="float32")
        there = GOM(orbitals=orbitals, dtype="float32", device=device.name)
        for name, crystals in device.sets(share):
            pairs = zip(
                there.create_many(crystals), here.create_many(crystals), strict=True
            )
            for found, expected in pairs:
                np.testing.assert_allclose(found, expected, atol=1e-4)
            yield device.row(
                f"GOM({orbitals}).create_many",
                name,
                "atoms/s",
                n_atoms(crystals),
                partial(there.create_many, crystals),
                partial(here.create_many, crystals),
                repetitions=repetitions,
            )


def networks(device: Device, repetitions: int) -> Iterator[Row]:
    """Ensembles of three networks on graphs that are ready, which lie on the device."""
    for model in ensembles():
        here, there = (
            PreparedModel(deepcopy(model), device=torch.device(name), dtype=torch.float32)
            for name in ("cpu", device.name)
        )
        for name, crystals in device.sets():
            graph = here.batch(crystals)
            parts = [
                graph.select(torch.tensor(members))
                for members in chunks_by_size(
                    range(graph.n_graphs), graph.n_edges.tolist(), MAX_EDGES
                )
            ]
            moved = graph.to(device.name)
            check_equal(run(there, moved), run(here, graph))
            yield device.row(
                f"three {type(model.members[0]).__name__}s",
                name,
                "crystals/s",
                len(crystals),
                partial(run, there, moved),
                partial(run, here, graph),
                partial(run_each, here, parts),
                repetitions=repetitions,
            )


def predictions(device: Device, repetitions: int) -> Iterator[Row]:
    """Everything from the structures to the properties."""
    for model in ensembles():
        there, here = (Predictor(model, device=name) for name in (device.name, "cpu"))
        for name, crystals in device.sets():
            check_equal(
                *map(values, (there.predict_many(crystals), here.predict_many(crystals)))
            )
            yield device.row(
                f"predict_many, three {type(model.members[0]).__name__}s",
                name,
                "crystals/s",
                len(crystals),
                partial(there.predict_many, crystals),
                partial(here.predict_many, crystals),
                repetitions=repetitions,
            )


def epochs(device: Device, repetitions: int) -> Iterator[Row]:
    """Training on features that are ready, and lie on the device."""
    for kind in (EOSNet, OCrystalNet):
        torch.manual_seed(0)
        model = kind()
        there = deepcopy(model).to(device.name)
        for name, crystals in device.sets():
            dataset = GraphDataset(
                model.batch(crystals), torch.linspace(-1.0, 1.0, len(crystals))
            )
            yield device.row(
                f"{kind.__name__} epoch",
                name,
                "crystals/s",
                len(crystals),
                Epoch(there, dataset.to(device.name), fused=True),
                Epoch(model, dataset, fused=True),
                repetitions=repetitions,
            )


def ensembles() -> Iterator[Ensemble]:
    """Three networks of each kind and its paper's size; any weights cost the same."""
    torch.manual_seed(0)
    for kind in (EOSNet, OCrystalNet):
        yield Ensemble([kind() for _ in range(3)]).eval()


def run(model: PreparedModel, graph: CrystalGraph) -> torch.Tensor:
    """Predict for a batch of graphs."""
    with torch.inference_mode():
        return model.predict_graphs(graph)[0]


def run_each(model: PreparedModel, graphs: list[CrystalGraph]) -> None:
    """Predict for several batches of graphs, each on one CPU thread."""
    for _ in each_on_one_thread(partial(run, model), graphs):
        pass


def values(predictions: list[dict[str, Any]]) -> torch.Tensor:
    """Values of all properties, [n_crystals, n_properties]."""
    return torch.tensor([list(row.values()) for row in predictions])


def check_equal(found: torch.Tensor, expected: torch.Tensor) -> None:
    """Compare what two devices computed in single precision."""
    tolerance = EQUAL * float(expected.abs().max())
    torch.testing.assert_close(found.cpu(), expected, rtol=0.0, atol=tolerance)
