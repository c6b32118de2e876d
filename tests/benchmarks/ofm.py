"""Orbital field matrices against matminer."""

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

SAMPLE = {"P": 6, "C": 2}  # number of crystals for matminer, which takes seconds
CELLS = (1, 2, 4, 8, 16, 23)  # repeats of a cell of 8 atoms: up to 97,336
MIN_ATOMS = 4096  # per measurement; several cells if one is smaller


def matminer(sets: Sets, repetitions: int) -> Iterator[Row]:
    """All features of ours, against matminer's mean over the atoms of a crystal."""
    library = peer("matminer.featurizers.structure.matrix")
    featurizer = library.OrbitalFieldMatrix()
    for name, crystals in sets.available("P", "C"):
        sample = crystals[:: len(crystals) // SAMPLE[name]][: SAMPLE[name]]
        structures = [AseAtomsAdaptor.get_structure(atoms) for atoms in sample]
        yield rates(
            "OFM.create_many, against matminer",
            name,
            "atoms/s",
            Work(partial(OFM().create_many, crystals), n_atoms(crystals)),
            Work(partial(featurize_each, featurizer, structures), n_atoms(sample)),
            repetitions=repetitions,
            min_ratio=1000,
        )


def atoms(sets: Sets, repetitions: int) -> Iterator[Row]:
    """Atoms per second on one thread, for each set."""
    for name, crystals in sets.available(*"PCJBSD"):
        (seconds,) = medians(partial(OFM().create_many, crystals), repetitions=repetitions)
        yield Row(
            what="OFM.create_many",
            crystals=name,
            unit="atoms/s",
            ours=n_atoms(crystals) / seconds,
            limit=15_000,
        )


def linear(_: Sets, repetitions: int) -> Iterator[Row]:
    """Atoms per second in rattled cells of growing size, against 512 atoms."""
    cells = {}
    for repeats in CELLS:
        size = 8 * repeats**3
        copies = range(max(1, MIN_ATOMS // size))
        cells[size] = [rattled_diamond(repeats, seed=seed) for seed in copies]
    seconds = medians(
        *(partial(OFM().create_many, some) for some in cells.values()),
        repetitions=min(repetitions, 3),  # each takes half a minute
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
            # Linear scaling means that large cells are not slower; in small ones the
            # overhead of the call counts.
            min_ratio=0.8 if size > 512 else None,
            limit=15_000,
        )


def featurize_each(featurizer: Any, structures: list[Structure]) -> None:
    """Describe one structure after the other with matminer."""
    for structure in structures:
        featurizer.featurize(structure)
