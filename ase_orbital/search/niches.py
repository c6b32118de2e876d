"""Niches: groups of similar structures, for the diversity of populations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ase_orbital.errors import SettingError
from ase_orbital.properties import PREFIX
from ase_orbital.similarity.archive import Archive
from ase_orbital.structure import as_atoms, digest, info_of

if TYPE_CHECKING:
    from ase import Atoms
    from pymatgen.core import Structure

    from ase_orbital.structure import AtomsLike

NICHE: Final = PREFIX + "niche"  # name in `key_value_pairs`


class Niches:
    """Numbers groups of similar structures.

    A structure that differs from all earlier ones founds a niche, and structures that match
    it belong to that niche.

    Parameters
    ----------
    archive
        Archive of the founders. Its tolerance is the radius of a niche, which should be
        several times that for equal structures, as in `Archive(tolerance=0.05)`. Save and
        load it with a search to keep the numbers.

    Examples
    --------
    In ase_ga, call `niches.annotate(atoms)` before a relaxed candidate is added, and use

    >>> FitnessSharingPopulation(..., comp_key=NICHE, threshold=1)
    >>> RankFitnessPopulation(..., variable_function=niches.number)

    With this threshold the members of one niche share their fitness, whatever the numbers
    of the other niches are.
    """

    def __init__(self, archive: Archive) -> None:
        if not isinstance(archive, Archive):
            raise SettingError(f"Niches needs an Archive of founders, not {archive!r}")
        self.archive = archive
        self._numbers: dict[str, int] = {}

    def number(self, structure: AtomsLike) -> int:
        """Niche of a structure, always the same; errors are those of `Archive.add`."""
        atoms = as_atoms(structure)
        name = digest(atoms)
        if name not in self._numbers:
            # Cached, because a later niche may be more similar.
            self._numbers[name] = self.archive.add(atoms).number
        return self._numbers[name]

    def annotate(self, atoms: Atoms | Structure) -> int:
        """Write the niche into `atoms.info["key_value_pairs"]`, as `orbital_niche`.

        For a pymatgen structure, write it into `properties`, which become `info` of Atoms.
        """
        number = self.number(atoms)
        info_of(atoms).setdefault("key_value_pairs", {})[NICHE] = number
        return number
