"""Comparators of structures with the interface of ase_ga."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Literal, final

from ase_orbital.descriptors.gom import GOM
from ase_orbital.descriptors.ofm import OFM
from ase_orbital.similarity.distance import (
    checked_tolerance,
    difference,
    lower_bound,
    max_distance,
)
from ase_orbital.similarity.fingerprints import Fingerprints

if TYPE_CHECKING:
    from ase_orbital.descriptors.base import Descriptor
    from ase_orbital.structure import AtomsLike


class Comparator(ABC):
    """Compares structures by the features of a descriptor.

    The result depends only on the crystal: not on the cell, which may be primitive or a
    supercell, nor on rotation, reflection, translation or the order of atoms. Structures of
    different composition always differ, and so do molecules of different size. Fingerprints
    are cached by the content of a structure, and `atoms.info` is neither read nor written.
    Methods raise StructureError or ElementError if the descriptor cannot describe a
    structure.
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
        """Difference of two structures as a fraction of their fingerprints' length.

        Returns
        -------
        float
            Root mean square, over the atoms, of the distance between assigned features,
            divided by that of the features themselves: 0.01 is one percent. Infinite for
            two compositions.
        """
        return difference(self.fingerprints.of(one), self.fingerprints.of(other))

    def looks_like(self, a1: AtomsLike, a2: AtomsLike) -> bool:
        """Whether two structures differ by at most the tolerance; called by ase_ga."""
        one, other = self.fingerprints.of(a1), self.fingerprints.of(a2)
        # Most pairs differ so much that the lower bound decides.
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
        length. Relaxations of alloys to the same minimum, of atoms and cell, differed by up
        to 0.0042 if they stopped at 0.05 eV/Å, and by 0.0075 at 0.1 eV/Å. An expansion of
        the cell by 0.3 %, or random displacements of 0.04 Å, also amount to 0.0075. fcc and
        hcp differ by 0.014, dhcp from both by 0.01, and zincblende from wurtzite by 0.03.
    cutoff, orbitals
        Settings of the GOM: Å, and "s" or "sp". With "sp" it is ten times as expensive and
        distinguishes stackings better: fcc and hcp differ by 0.022.
    n_top
        Compare only the last `n_top` atoms, such as a cluster on a slab; None for all.
    size
        Largest number of cached fingerprints; more than the candidates of a search.
    """

    def __init__(
        self,
        tolerance: float = GOM.match_tolerance,
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

    They describe only the Voronoi neighbors of an atom, and are fast to compute. This is
    sufficient for most crystals, but all stackings of close-packed layers, such as fcc and
    hcp, look alike.

    Parameters
    ----------
    tolerance
        Largest difference of structures that look alike, as a fraction of the matrices'
        length. Relaxations of alloys to the same minimum differed by up to 0.03 if they
        stopped at 0.05 eV/Å, and by 0.055 at 0.1 eV/Å. An expansion of the cell by 3 %, or
        random displacements of 0.02 Å (close-packed metals) to 0.08 Å (diamond), amount to
        0.03.
    distance_exponent
        Exponent of the OFM's weights.
    n_top, size
        As for `GOMComparator`.
    """

    def __init__(
        self,
        tolerance: float = OFM.match_tolerance,
        *,
        distance_exponent: float = 1,
        n_top: int | None = None,
        size: int = 10_000,
    ) -> None:
        descriptor = OFM(distance_exponent=distance_exponent)
        super().__init__(descriptor, tolerance, n_top, size)
