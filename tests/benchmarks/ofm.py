"""Orbital field matrices, against matminer's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pymatgen.io.ase import AseAtomsAdaptor

from ase_orbital import OFM

from .sets import n_atoms, rattled_diamond
from .table import Row, peer
from .timing import medians

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .sets import Sets

SAMPLE = {"P": 6, "C": 2}  # crystals for matminer, which takes seconds for them
CELLS = (1, 2, 4, 8, 16, 23)  # repeats of a cell of 8 atoms: up to 97,336
AT_LEAST = 4096  # atoms a measurement, in several cells where one is too small


def matminer(sets: Sets, repetitions: int) -> Iterator[Row]:
    """All rows of ours, against matminer's mean over the atoms of a crystal."""
    library = peer("matminer.featurizers.structure.matrix")
    featurizer = library.OrbitalFieldMatrix()
    for name, crystals in sets.there("P", "C"):
        sample = crystals[:: len(crystals) // SAMPLE[name]][: SAMPLE[name]]
        structures = [AseAtomsAdaptor.get_structure(atoms) for atoms in sample]
        ours, theirs = medians(
            lambda crystals=crystals: OFM().create_many(crystals),
            lambda structures=structures: [featurizer.featurize(s) for s in structures],
            repetitions=repetitions,
        )
        yield Row(
            what="OFM.create_many, against matminer",
            crystals=name,
            unit="atoms/s",
            ours=n_atoms(crystals) / ours,
            against=n_atoms(sample) / theirs,
            times=1000,
        )


def atoms(sets: Sets, repetitions: int) -> Iterator[Row]:
    """Atoms a second on one thread, set by set."""
    for name, crystals in sets.there(*"PCJBSD"):
        (seconds,) = medians(
            lambda crystals=crystals: OFM().create_many(crystals), repetitions=repetitions
        )
        yield Row(
            what="OFM.create_many",
            crystals=name,
            unit="atoms/s",
            ours=n_atoms(crystals) / seconds,
            limit=15_000,
        )


def linear(_: Sets, repetitions: int) -> Iterator[Row]:
    """Atoms a second of rattled cells of growing size, against 512 atoms."""
    cells = {}
    for repeats in CELLS:
        size = 8 * repeats**3
        copies = range(max(1, AT_LEAST // size))
        cells[size] = [rattled_diamond(repeats, seed=seed) for seed in copies]
    seconds = medians(
        *(lambda some=some: OFM().create_many(some) for some in cells.values()),
        repetitions=min(repetitions, 3),  # half a minute each
    )
    rates = {
        size: n_atoms(some) / time
        for (size, some), time in zip(cells.items(), seconds, strict=True)
    }
    for size, rate in rates.items():
        yield Row(
            what="OFM.create_many, against 512 atoms",
            crystals=f"{size:,} atoms",
            unit="atoms/s",
            ours=rate,
            against=rates[512],
            # Small cells cost what a call costs; linear means that large ones do not fall
            # behind.
            times=0.8 if size > 512 else None,
            limit=15_000,
        )
