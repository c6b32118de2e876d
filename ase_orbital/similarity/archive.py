"""The distinct structures a search has seen."""

from __future__ import annotations

import logging
import os
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING

from ase import Atoms

from ase_orbital.descriptors.gom import GOM
from ase_orbital.descriptors.ofm import OFM
from ase_orbital.errors import SettingError
from ase_orbital.similarity import archive_file
from ase_orbital.similarity.entry import Entry, Match
from ase_orbital.similarity.fingerprints import Fingerprints
from ase_orbital.similarity.index import FingerprintIndex
from ase_orbital.similarity.tolerance import GOM_TOLERANCE, OFM_TOLERANCE, checked_tolerance
from ase_orbital.structure import to_atoms

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ase_orbital.descriptors.base import Descriptor
    from ase_orbital.similarity.fingerprints import Composition, Fingerprint
    from ase_orbital.structure import AtomsLike

logger = logging.getLogger(__name__)

AT_ONCE = 256  # structures described together


class Archive:
    """Distinct structures under a fingerprint distance, for any loop to ask and to fill.

    Parameters
    ----------
    descriptor
        What structures are compared by; None for `GOM()`.
    tolerance
        Largest difference of structures that count as one, as in `GOMComparator` and
        `OFMComparator`; None for their defaults.
    megabytes
        Memory at most. When it is full, structures not seen for longest are forgotten.

    Examples
    --------
    >>> archive = Archive()
    >>> archive.add(bulk("Cu"))
    Found(number=0, difference=0.0, new=True)
    >>> archive.add(bulk("Cu", cubic=True))
    Found(number=0, difference=0.0, new=False)

    Notes
    -----
    A structure is like the least different entry within the tolerance. As being alike is
    not transitive, the entries depend on the order in which structures come. Among 10^5
    entries of one composition a search for what is like a structure takes a millisecond or
    less, and one for the nearest, whatever they differ by, some milliseconds.
    """

    def __init__(
        self,
        descriptor: Descriptor | None = None,
        *,
        tolerance: float | None = None,
        megabytes: float = 1024.0,
    ) -> None:
        if tolerance is None:
            of_ofm = isinstance(descriptor, OFM)
            tolerance = OFM_TOLERANCE if of_ofm else GOM_TOLERANCE
        if not megabytes > 0.0:
            raise SettingError(f"megabytes must be above 0, not {megabytes}")
        self.tolerance = checked_tolerance(tolerance)
        self.megabytes = megabytes
        self.descriptor = descriptor if descriptor is not None else GOM()
        self.nbytes = 0
        self._fingerprints = Fingerprints(self.descriptor, size=2 * AT_ONCE)
        self._entries: OrderedDict[int, Entry] = OrderedDict()  # seen longest ago first
        self._shelves: dict[Composition, FingerprintIndex] = {}
        self._next = 0

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Entry]:
        """Entries in the order of discovery."""
        return iter([self._entries[number] for number in sorted(self._entries)])

    def __getitem__(self, number: int) -> Entry:
        if number not in self._entries:
            raise KeyError(f"there is no entry {number}; it was forgotten, or never made")
        return self._entries[number]

    def __repr__(self) -> str:
        return (
            f"<Archive of {len(self)} structures, tolerance {self.tolerance:g}, "
            f"{self.nbytes / 1e6:.1f} of {self.megabytes:g} MB>"
        )

    def add(self, structure: AtomsLike, label: str = "", **values: float) -> Match:
        """Count a structure, and keep it if none is like it.

        Parameters
        ----------
        structure
            `ase.Atoms`, a pymatgen `Structure` or `Molecule`, or the path of a file.
        label, values
            Kept with a new entry; those of an entry that is there already stay.

        Returns
        -------
        Found
            Which entry it is, and whether that is new.

        Raises
        ------
        StructureError, ElementError
            If the descriptor cannot describe it.
        """
        atoms = structure if isinstance(structure, Atoms) else to_atoms(structure)
        return self._add(atoms, self._fingerprints.of(atoms), label, values)

    def add_many(
        self, structures: Iterable[AtomsLike], labels: Sequence[str] | None = None
    ) -> list[Match]:
        """`add` many, in their order, in less time than one by one.

        Raises
        ------
        StructureError, ElementError
            As for `add`; structures of earlier batches of 256 are in by then.
        """
        every = list(structures)
        names = [""] * len(every) if labels is None else labels
        if len(names) != len(every):
            raise SettingError(f"{len(names)} labels do not fit {len(every)} structures")
        found = []
        for start in range(0, len(every), AT_ONCE):
            part = [to_atoms(structure) for structure in every[start : start + AT_ONCE]]
            fingerprints = self._fingerprints.of_many(part)
            labeled = zip(part, fingerprints, names[start:], strict=False)
            found += [self._add(*one, {}) for one in labeled]
        return found

    def find(self, structure: AtomsLike) -> Match | None:
        """Look for an entry like this structure, without adding it.

        Raises
        ------
        StructureError, ElementError
            If the descriptor cannot describe it.
        """
        return self._find(self._fingerprints.of(structure))

    def nearest(self, structure: AtomsLike, n: int = 5) -> list[Match]:
        """Find the least different entries of the same composition, least first.

        Parameters
        ----------
        structure
            As for `add`.
        n
            How many, if there are so many.

        Raises
        ------
        StructureError, ElementError
            If the descriptor cannot describe it.
        """
        if n < 1:
            raise SettingError(f"n must be at least 1, not {n}")
        fingerprint = self._fingerprints.of(structure)
        shelf = self._shelves.get(fingerprint.composition, FingerprintIndex())
        return [
            Match(number, apart, new=False)
            for apart, number in shelf.nearest(fingerprint, n)
        ]

    def save(self, path: str | Path) -> None:
        """Write everything to one file (NumPy's .npz), whole or not at all.

        `load` takes it back. Nothing in it is code.

        Raises
        ------
        SettingError
            If the descriptor is not one of this package's.
        """
        path = Path(path)
        part = path.with_name(f"{path.name}.{os.getpid()}.part")
        try:
            archive_file.write(
                part,
                list(self._entries.values()),
                self.descriptor,
                self.tolerance,
                self._next,
            )
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)

    @classmethod
    def load(cls, path: str | Path, *, megabytes: float = 1024.0) -> Archive:
        """Go on with what `save` wrote, descriptor and tolerance included.

        Parameters
        ----------
        path
            Of the file.
        megabytes
            Memory at most, as for a new archive.

        Raises
        ------
        DataError
            If there is no such file, or it is damaged or of a later version.
        """
        saved = archive_file.read(Path(path))
        archive = cls(saved.descriptor, tolerance=saved.tolerance, megabytes=megabytes)
        shelves: dict[Composition, dict[int, Fingerprint]] = {}
        for entry in saved.entries:
            archive._entries[entry.number] = entry
            archive.nbytes += entry.nbytes
            shelf = shelves.setdefault(entry.fingerprint.composition, {})
            shelf[entry.number] = entry.fingerprint
        archive._shelves = {
            kind: FingerprintIndex(shelf) for kind, shelf in shelves.items()
        }
        archive._next = saved.next_number
        archive._forget()
        return archive

    def _find(self, fingerprint: Fingerprint) -> Match | None:
        shelf = self._shelves.get(fingerprint.composition)
        near = shelf.nearest(fingerprint, within=self.tolerance) if shelf else []
        if not near:
            return None
        apart, number = near[0]
        self._entries.move_to_end(number)
        return Match(number, apart, new=False)

    def _add(
        self, atoms: Atoms, fingerprint: Fingerprint, label: str, values: dict[str, float]
    ) -> Match:
        found = self._find(fingerprint)
        if found is not None:
            self._entries[found.number].seen += 1
            return found
        number = self._next
        self._next += 1
        # A copy: what the comparators keep with a fingerprint would add to the memory.
        kept = type(fingerprint)(fingerprint.composition, fingerprint.species)
        self._entries[number] = entry = Entry(number, atoms, kept, label, values)
        self._shelves.setdefault(kept.composition, FingerprintIndex()).put(number, kept)
        self.nbytes += entry.nbytes
        self._forget()
        return Match(number, 0.0, new=True)

    def _forget(self) -> None:
        """Drop entries not seen for longest until the rest fits; one always stays."""
        n_before = len(self)
        while self.nbytes > 1e6 * self.megabytes and len(self) > 1:
            _, entry = self._entries.popitem(last=False)
            self._shelves[entry.fingerprint.composition].remove(entry.number)
            if not self._shelves[entry.fingerprint.composition]:
                del self._shelves[entry.fingerprint.composition]
            self.nbytes -= entry.nbytes
        if len(self) < n_before:
            logger.info("the archive is full: %d forgotten", n_before - len(self))
