"""What lies around the atoms of a structure: found once, for descriptors and graphs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ase_orbital.neighbors.orbits import TOLERANCE, Orbits, find_orbits, single
from ase_orbital.neighbors.pairs import Pairs, find_pairs
from ase_orbital.threads import divided, each_on_one_thread

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms

SHARE = 32  # structures a thread takes at a time, at most


@dataclass(frozen=True, kw_only=True, eq=False)
class Surroundings:
    """A structure with the pairs and the orbits of its atoms.

    Parameters
    ----------
    atoms
        Passed `to_atoms`.
    pairs
        Of all atoms, up to a radius.
    orbits
        Of the atoms; rows are made of the first of each.
    tolerance
        Up to which atoms are equivalent. Å.
    """

    atoms: Atoms
    pairs: Pairs
    orbits: Orbits
    tolerance: float


def survey(
    atoms: Atoms, radius: float, dtype: str = "float64", *, symmetry: bool = True
) -> Surroundings:
    """Find what lies around the atoms of a structure.

    Parameters
    ----------
    atoms
        Passed `to_atoms`.
    radius
        Of the pairs, Å. At zero there are none, and no orbits are looked for: whoever
        needs no pairs is faster without.
    dtype
        Precision of what is computed of it, "float32" or "float64": atoms that it cannot
        tell apart are equivalent.
    symmetry
        Whether orbits are looked for.

    Raises
    ------
    StructureError
        If two atoms coincide or the cell is flat.
    """
    pairs, tolerance = find_pairs(atoms, radius), TOLERANCE[dtype]
    orbits = single(len(atoms))
    if symmetry and radius > 0.0:
        orbits = find_orbits(atoms, pairs, tolerance)
    return Surroundings(atoms=atoms, pairs=pairs, orbits=orbits, tolerance=tolerance)


def survey_many(structures: list[Atoms], radius: float, dtype: str) -> list[Surroundings]:
    """`survey` many structures, in their order, on as many threads as torch has."""

    def work(share: Sequence[Atoms]) -> list[Surroundings]:
        return [survey(atoms, radius, dtype) for atoms in share]

    shares = divided(structures, SHARE)
    return [around for part in each_on_one_thread(work, shares) for around in part]
