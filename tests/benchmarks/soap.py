"""SOAP of dscribe, for scale: what a user would take for a descriptor of this kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ase_orbital import GOM

from .sets import n_atoms
from .table import Row, peer
from .timing import medians

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .sets import Sets

SAMPLE = 100  # crystals for dscribe


def soap(sets: Sets, repetitions: int) -> Iterator[Row]:
    """GOM against SOAP of the same radius, of each crystal's own species."""
    library = peer("dscribe.descriptors")
    gom = GOM(dtype="float32")
    for name, crystals in sets.there("P", "B"):
        sample = crystals[:SAMPLE]
        descriptors = [
            library.SOAP(
                species=sorted(set(atoms.symbols)),
                r_cut=6.0,
                n_max=8,
                l_max=6,
                periodic=True,
            )
            for atoms in sample
        ]
        pairs = list(zip(descriptors, sample, strict=True))
        ours, theirs = medians(
            lambda crystals=crystals: gom.create_many(crystals),
            lambda pairs=pairs: [descriptor.create(atoms) for descriptor, atoms in pairs],
            repetitions=repetitions,
        )
        yield Row(
            what="GOM(s).create_many, against dscribe's SOAP",
            crystals=name,
            unit="atoms/s",
            ours=n_atoms(crystals) / ours,
            against=n_atoms(sample) / theirs,
        )
