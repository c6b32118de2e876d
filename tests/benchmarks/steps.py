"""Where the time of a prediction goes, step by step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from ase_orbital import load_model
from ase_orbital.neighbors.batch import neighbor_batch
from ase_orbital.predict.prepared_model import PreparedModel
from ase_orbital.structure import to_atoms_many

from .prediction import EOSNET
from .table import Row
from .timing import medians

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .sets import Sets

AT_ONCE = 50  # crystals whose networks run together: as many as `predict_many` takes


def steps(sets: Sets, repetitions: int) -> Iterator[Row]:
    """Time of each step for one crystal; they follow each other, and do not overlap."""
    ((name, crystals),) = sets.available("P")
    model = PreparedModel(
        load_model(EOSNET), device=torch.device("cpu"), dtype=torch.float32
    )
    descriptor = model.featurization.descriptor
    connectivity = model.featurization.connectivity
    atoms = to_atoms_many(crystals)
    cutoff, extension = connectivity.search(descriptor.cutoff)
    found = neighbor_batch(atoms, cutoff, "float32", extension=extension)
    batch = model.batch(atoms)
    parts = torch.arange(len(atoms)).split(AT_ONCE)
    graphs = [batch.select(indices) for indices in parts]

    def networks() -> None:
        with torch.inference_mode():
            for graph in graphs:
                model.predict_graphs(graph)

    checked, searched, described, batched, predicted = medians(
        lambda: to_atoms_many(crystals),
        lambda: neighbor_batch(atoms, cutoff, "float32", extension=extension),
        lambda: descriptor.features(found),
        lambda: model.batch(atoms),
        networks,
        repetitions=repetitions,
    )
    for what, seconds in (
        ("checks", checked),
        ("neighbors and equivalent atoms", searched),
        ("features of the atoms", described),
        ("edges and batch", batched - searched - described),
        ("three networks", predicted),
    ):
        yield Row(
            what=f"a step of predict_many: {what}",
            crystals=name,
            unit="µs",
            ours=1e6 * seconds / len(crystals),
        )
