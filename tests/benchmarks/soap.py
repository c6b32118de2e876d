"""GOM against SOAP from dscribe, a widely used descriptor of atomic environments."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from ase_orbital import GOM

from .sets import n_atoms
from .table import peer
from .timing import Work, rates

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .sets import Sets
    from .table import Row

SAMPLE = 100  # crystals for dscribe


def soap(sets: Sets, repetitions: int) -> Iterator[Row]:
    """GOM against SOAP with the same cutoff and the species of each crystal."""
    library = peer("dscribe.descriptors")
    gom = GOM(dtype="float32")
    for name, crystals in sets.available("P", "B"):
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

        def theirs(pairs=pairs):
            return [descriptor.create(atoms) for descriptor, atoms in pairs]

        yield rates(
            "GOM(s).create_many, against dscribe's SOAP",
            name,
            "atoms/s",
            Work(partial(gom.create_many, crystals), n_atoms(crystals)),
            Work(theirs, n_atoms(sample)),
            repetitions=repetitions,
        )
