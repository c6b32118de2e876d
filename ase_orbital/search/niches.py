"""Niches: groups of like structures, which populations keep from crowding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ase_orbital.properties import PREFIX
from ase_orbital.structure import as_atoms, digest, info_of

if TYPE_CHECKING:
    from ase import Atoms
    from pymatgen.core import Structure

    from ase_orbital.similarity.archive import Archive
    from ase_orbital.structure import AtomsLike

NICHE: Final = PREFIX + "niche"  # in `key_value_pairs`


class Niches:
    """Numbers for groups of like structures.

    The first structure unlike all before founds a niche, and those like it belong to it.

    Parameters
    ----------
    archive
        Of the founders. Its tolerance is the radius of a niche: several times what makes
        two structures one, such as `Archive(tolerance=0.05)`. Saved and loaded with a
        search, it keeps the numbers the same.

    Examples
    --------
    With ase_ga, `niches.annotate(atoms)` before a relaxed candidate is added, and

    >>> FitnessSharingPopulation(..., comp_key=NICHE, threshold=1)
    >>> RankFitnessPopulation(..., variable_function=niches.number)

    With that threshold members of one niche share their fitness, whatever the numbers of
    other niches are.
    """

    def __init__(self, archive: Archive) -> None:
        self.archive = archive
        self._numbers: dict[str, int] = {}

    def number(self, structure: AtomsLike) -> int:
        """Niche of a structure, the same whenever it is asked for.

        Raises
        ------
        StructureError, ElementError
            If the archive's descriptor cannot describe it.
        """
        atoms = as_atoms(structure)
        name = digest(atoms)
        if name not in self._numbers:
            # A later niche may be nearer: what is given out stays.
            self._numbers[name] = self.archive.add(atoms).number
        return self._numbers[name]

    def annotate(self, atoms: Atoms | Structure) -> int:
        """Write the niche into `atoms.info["key_value_pairs"]`, as `orbital_niche`.

        Of a pymatgen structure into its `properties`, which become `info` of Atoms.
        """
        number = self.number(atoms)
        info_of(atoms).setdefault("key_value_pairs", {})[NICHE] = number
        return number
