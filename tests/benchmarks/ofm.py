"""Orbital field matrices, against matminer's."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from pymatgen.io.ase import AseAtomsAdaptor

from ase_orbital import OFM

from .sets import n_atoms, rattled_diamond
from .table import Row, peer
from .timing import Work, medians, rates

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pymatgen.core import Structure

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
        yield rates(
            "OFM.create_many, against matminer",
            name,
            "atoms/s",
            Work(partial(OFM().create_many, crystals), n_atoms(crystals)),
            Work(partial(featurize_each, featurizer, structures), n_atoms(sample)),
            repetitions=repetitions,
            times=1000,
        )


def atoms(sets: Sets, repetitions: int) -> Iterator[Row]:
    """Atoms a second on one thread, set by set."""
    for name, crystals in sets.there(*"PCJBSD"):
        (seconds,) = medians(partial(OFM().create_many, crystals), repetitions=repetitions)
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
        *(partial(OFM().create_many, some) for some in cells.values()),
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


def featurize_each(featurizer: Any, structures: list[Structure]) -> None:
    """Have matminer describe one structure after the other."""
    for structure in structures:
        featurizer.featurize(structure)
