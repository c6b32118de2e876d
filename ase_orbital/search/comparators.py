"""Whether two structures are one, as ase_ga's populations ask it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Literal, final

from ase_orbital.descriptors.gom import GOM
from ase_orbital.descriptors.ofm import OFM
from ase_orbital.similarity.distance import difference, lower_bound, max_distance
from ase_orbital.similarity.fingerprints import Fingerprints
from ase_orbital.similarity.tolerance import (
    GOM_TOLERANCE,
    OFM_TOLERANCE,
    checked_tolerance,
)

if TYPE_CHECKING:
    from ase_orbital.descriptors.base import Descriptor
    from ase_orbital.structure import AtomsLike


class Comparator(ABC):
    """Compares structures by the rows of a descriptor.

    The answer depends on the crystal alone: not on the choice of cell, a primitive one or a
    supercell, nor on rotation, reflection, translation or the order of atoms. Structures of
    different composition are never alike, and without periodic directions neither are those
    of different numbers of atoms. Fingerprints are kept by content, so that a second look
    costs microseconds, and `atoms.info` is neither read nor written.
    """

    @abstractmethod
    def __init__(
        self, descriptor: Descriptor, tolerance: float, n_top: int | None, size: int
    ) -> None:
        self.tolerance = checked_tolerance(tolerance)
        self.fingerprints = Fingerprints(descriptor, n_top=n_top, size=size)

    def __repr__(self) -> str:
        descriptor = self.fingerprints.descriptor
        return f"{type(self).__name__}(tolerance={self.tolerance:g}: {descriptor})"

    def difference(self, one: AtomsLike, other: AtomsLike) -> float:
        """How much two structures differ, as a fraction of their fingerprints' length.

        Returns
        -------
        float
            The root mean square over atoms of the distance between assigned rows, divided
            by that of the rows themselves: 0.01 is one percent. Infinite for two
            compositions.

        Raises
        ------
        StructureError, ElementError
            If the descriptor cannot describe a structure.
        """
        return difference(self.fingerprints.of(one), self.fingerprints.of(other))

    def looks_like(self, a1: AtomsLike, a2: AtomsLike) -> bool:
        """Whether two structures differ by no more than the tolerance; ase_ga's question.

        Raises
        ------
        StructureError, ElementError
            If the descriptor cannot describe a structure.
        """
        one, other = self.fingerprints.of(a1), self.fingerprints.of(a2)
        # Most pairs are far apart, and that is quickly seen.
        if lower_bound(one, other) > max_distance(self.tolerance, one.length):
            return False
        return difference(one, other) <= self.tolerance


@final
class GOMComparator(Comparator):
    """Compares structures by Gaussian overlap matrix fingerprints.

    Parameters
    ----------
    tolerance
        Largest difference of structures that look alike, as a fraction of the fingerprints'
        length. Relaxations of alloys into one minimum, atoms and cell, differed by up to
        0.0042 where they stopped at 0.05 eV/Å, and by 0.0075 at 0.1 eV/Å; cells longer by
        0.3 %, or atoms displaced at random by 0.04 Å, make 0.0075 too. fcc and hcp differ
        by 0.014, dhcp from either by 0.01, zincblende from wurtzite by 0.03.
    cutoff, orbitals
        Of the GOM: Å, and "s" or "sp". With "sp" it costs ten times as much, and sees
        stackings better: fcc and hcp differ by 0.022.
    n_top
        Compare only the last so many atoms, as for a cluster on a slab; None for all.
    size
        Most fingerprints kept: more than the candidates of a search.
    """

    def __init__(
        self,
        tolerance: float = GOM_TOLERANCE,
        *,
        cutoff: float = 6.0,
        orbitals: Literal["s", "sp"] = "s",
        n_top: int | None = None,
        size: int = 10_000,
    ) -> None:
        super().__init__(GOM(cutoff=cutoff, orbitals=orbitals), tolerance, n_top, size)


@final
class OFMComparator(Comparator):
    """Compares structures by orbital field matrices.

    These see an atom's Voronoi neighbors only, in little time. That is enough for most
    crystals, but stackings of close-packed layers, such as fcc and hcp, are all alike.

    Parameters
    ----------
    tolerance
        Largest difference of structures that look alike, as a fraction of the matrices'
        length. Relaxations of alloys into one minimum differed by up to 0.03 where they
        stopped at 0.05 eV/Å, and by 0.055 at 0.1 eV/Å; cells longer by 3 %, or atoms
        displaced at random by 0.02 Å (close-packed metals) to 0.08 Å (diamond), make 0.03.
    distance_exponent
        Of the OFM.
    n_top, size
        As for `GOMComparator`.
    """

    def __init__(
        self,
        tolerance: float = OFM_TOLERANCE,
        *,
        distance_exponent: float = 1,
        n_top: int | None = None,
        size: int = 10_000,
    ) -> None:
        descriptor = OFM(distance_exponent=distance_exponent)
        super().__init__(descriptor, tolerance, n_top, size)
