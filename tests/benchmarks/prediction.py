"""Predictions for many crystals, against other packages for this task."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import torch
from matgl.models import MEGNet
from pymatgen.io.ase import AseAtomsAdaptor

from ase_orbital import Predictor

from .ofm import featurize_each
from .table import Row, peer
from .timing import Work, medians, rates, threads

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pymatgen.core import Structure

    from .sets import Sets

EOSNET = "eosnet-heat-of-formation-perovskites"
OCRYSTALNET = "ocrystalnet-heat-of-formation-perovskites"
N_MEGNET = 100  # number of crystals for MEGNet
N_MATMINER = 6


def megnet(sets: Sets, repetitions: int) -> Iterator[Row]:
    """EOSNet against a MEGNet of matgl, which takes one crystal after the other."""
    ((name, crystals),) = sets.available("P")
    predictor = Predictor(EOSNET, device="cpu")
    model = new_megnet()
    structures = [AseAtomsAdaptor.get_structure(atoms) for atoms in crystals[:N_MEGNET]]

    def ours(number: int) -> None:
        with threads(number):
            predictor.predict_many(crystals)

    def theirs(number: int) -> None:
        with threads(number):
            predict_each(model, structures)

    for number, min_ratio in ((1, 3.3), (2, 5.5)):
        # A second thread does not help MEGNet; its better time counts.
        mine, *others = medians(
            lambda number=number: ours(number),
            *(lambda n=n: theirs(n) for n in range(1, number + 1)),
            repetitions=repetitions,
        )
        yield Row(
            what=f"EOSNet predict_many, {number} thread(s), against matgl's MEGNet",
            crystals=name,
            unit="crystals/s",
            ours=len(crystals) / mine,
            against=len(structures) / min(others),
            min_ratio=min_ratio,
        )


def matminer(sets: Sets, repetitions: int) -> Iterator[Row]:
    """OCrystalNet against the orbital field matrices of matminer alone."""
    library = peer("matminer.featurizers.structure.matrix")
    featurizer = library.OrbitalFieldMatrix()
    ((name, crystals),) = sets.available("P")
    predictor = Predictor(OCRYSTALNET, device="cpu")
    sample = crystals[:: len(crystals) // N_MATMINER][:N_MATMINER]
    structures = [AseAtomsAdaptor.get_structure(atoms) for atoms in sample]
    yield rates(
        "OCrystalNet predict_many, against matminer's OFM alone",
        name,
        "crystals/s",
        Work(partial(predictor.predict_many, crystals), len(crystals)),
        Work(partial(featurize_each, featurizer, structures), len(structures)),
        repetitions=repetitions,
        min_ratio=75,
    )


def new_megnet() -> MEGNet:
    """Return an untrained MEGNet of the default size, which takes the same time."""
    torch.manual_seed(0)
    return MEGNet().eval()


def predict_each(model: MEGNet, structures: list[Structure]) -> None:
    """Predict for one structure after the other, as MEGNet does."""
    for structure in structures:
        model.predict_structure(structure)
