"""Archive of the distinct structures that a search has found."""

from __future__ import annotations

import logging
from collections import OrderedDict, defaultdict
from typing import TYPE_CHECKING

from ase import Atoms

from ase_orbital.descriptors.base import Descriptor
from ase_orbital.descriptors.gom import GOM
from ase_orbital.errors import DataError, SettingError, check_path
from ase_orbital.files import atomic_write
from ase_orbital.similarity import archive_file
from ase_orbital.similarity.archive_file import Content
from ase_orbital.similarity.distance import checked_tolerance
from ase_orbital.similarity.entry import Entry, Match, checked_label, checked_values
from ase_orbital.similarity.fingerprints import Fingerprints
from ase_orbital.similarity.index import FingerprintIndex
from ase_orbital.structure import to_atoms, to_atoms_many

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from ase_orbital.similarity.fingerprints import Composition, Fingerprint
    from ase_orbital.structure import AtomsLike

logger = logging.getLogger(__name__)

BATCH_SIZE = 256  # number of structures that are described together


class Archive:
    """Distinct structures, compared by their fingerprints.

    Parameters
    ----------
    descriptor
        Descriptor that gives the fingerprints; None for `GOM()`.
    tolerance
        Largest difference of structures that count as one, as in `GOMComparator` and
        `OFMComparator`; None for the descriptor's `match_tolerance`.
    megabytes
        Largest memory. When it is full, the structures that were not seen for the longest
        time are dropped.

    Examples
    --------
    >>> archive = Archive()
    >>> archive.add(bulk("Cu"))
    Match(number=0, difference=0.0, new=True)
    >>> archive.add(bulk("Cu", cubic=True))
    Match(number=0, difference=0.0, new=False)

    Notes
    -----
    A structure matches the entry that differs least, if that is within the tolerance.
    Matching is not transitive, so the entries depend on the order of the structures. Among
    10^5 entries of one composition, finding a match or the nearest entries takes a few
    milliseconds.

    Methods that take structures raise StructureError or ElementError if the descriptor
    cannot describe one. `add_many` has added the earlier batches of 256 structures then.
    """

    def __init__(
        self,
        descriptor: Descriptor | None = None,
        *,
        tolerance: float | None = None,
        megabytes: float = 1024.0,
    ) -> None:
        if not megabytes > 0.0:
            raise SettingError(f"megabytes must be above 0, not {megabytes}")
        self.megabytes = megabytes
        self.descriptor = GOM() if descriptor is None else descriptor
        if not isinstance(self.descriptor, Descriptor):
            raise SettingError(f"{descriptor!r} is not a descriptor, such as GOM()")
        default = self.descriptor.match_tolerance
        self.tolerance = checked_tolerance(default if tolerance is None else tolerance)
        self.nbytes = 0
        self._fingerprints = Fingerprints(self.descriptor, size=2 * BATCH_SIZE)
        self._entries: OrderedDict[int, Entry] = OrderedDict()  # least recently seen first
        self._indexes: dict[Composition, FingerprintIndex] = {}
        self._next = 0

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Entry]:
        """Iterate over the entries in the order of discovery."""
        return iter([self._entries[number] for number in sorted(self._entries)])

    def __contains__(self, structure: AtomsLike) -> bool:
        """Whether a structure matches an entry."""
        return self.find(structure) is not None

    def __getitem__(self, number: int) -> Entry:
        if number not in self._entries:
            raise KeyError(f"there is no entry {number}; it was dropped, or never added")
        return self._entries[number]

    def __repr__(self) -> str:
        return (
            f"<Archive of {len(self)} structures, tolerance {self.tolerance:g}, "
            f"{self.nbytes / 1e6:.1f} of {self.megabytes:g} MB>"
        )

    def add(self, structure: AtomsLike, label: str | int = "", **values: float) -> Match:
        """Add a structure, or count it if it matches an entry.

        Parameters
        ----------
        structure
            `ase.Atoms`, a pymatgen `Structure` or `Molecule`, or the path of a file.
        label, values
            Label and numbers to store with a new entry. An entry that exists keeps its own.

        Returns
        -------
        Match
            The entry of the structure, and whether it is new.

        Raises
        ------
        SettingError
            If the label is no text, or a value is no number. Nothing is added then.
        """
        name, numbers = checked_label(label), checked_values(values)
        atoms = structure if isinstance(structure, Atoms) else to_atoms(structure)
        return self._add(atoms, self._fingerprints.of(atoms), name, numbers)

    def add_many(
        self, structures: Iterable[AtomsLike], labels: Sequence[str | int] | None = None
    ) -> list[Match]:
        """Add many structures in order; faster than `add` for each."""
        every = to_atoms_many(structures)
        if isinstance(labels, str):
            raise SettingError(f"labels must be a list of texts, not {labels!r}")
        given = [""] * len(every) if labels is None else labels
        names = [checked_label(label) for label in given]
        if len(names) != len(every):
            raise SettingError(f"{len(names)} labels do not fit {len(every)} structures")
        found = []
        for start in range(0, len(every), BATCH_SIZE):
            part = every[start : start + BATCH_SIZE]
            fingerprints = self._fingerprints.of_many(part)
            labeled = zip(part, fingerprints, names[start:], strict=False)
            found += [self._add(*one, {}) for one in labeled]
        return found

    def find(self, structure: AtomsLike) -> Match | None:
        """Find the entry that a structure matches, without adding it."""
        return self._find(self._fingerprints.of(structure))

    def nearest(self, structure: AtomsLike, n: int = 5) -> list[Match]:
        """Find the most similar entries of the same composition.

        Parameters
        ----------
        structure
            As for `add`.
        n
            Largest number of entries.

        Returns
        -------
        list of Match
            In ascending order of the difference.
        """
        if n < 1:
            raise SettingError(f"n must be at least 1, not {n}")
        fingerprint = self._fingerprints.of(structure)
        index = self._indexes.get(fingerprint.composition)
        near = index.nearest(fingerprint, n) if index else []
        return [Match(number, apart, new=False) for apart, number in near]

    def save(self, path: str | Path) -> None:
        """Write the archive to a NumPy file (.npz), completely or not at all.

        `load` reads it. The file contains plain arrays and no code.

        Raises
        ------
        SettingError
            If the suffix is another one, the folder is missing, or the descriptor cannot be
            described in a file, because it is not a dataclass.
        """
        path = check_path("path", path)
        if path.suffix != ".npz" or not path.parent.is_dir():
            raise SettingError(
                f"an archive is saved in a folder that exists, with the suffix .npz, and "
                f"not as {path}"
            )
        entries = list(self._entries.values())
        content = Content(entries, self.descriptor, self.tolerance, self._next)
        with atomic_write(path) as temporary:
            archive_file.write(temporary, content)
            archive_file.read(temporary)  # so that a good file is not replaced by another

    @classmethod
    def load(cls, path: str | Path, *, megabytes: float = 1024.0) -> Archive:
        """Read an archive that `save` wrote, including its descriptor and tolerance.

        Raises
        ------
        DataError
            If the file does not exist, is damaged, or was written by a later version.
        """
        saved = archive_file.read(check_path("path", path, DataError))
        archive = cls(saved.descriptor, tolerance=saved.tolerance, megabytes=megabytes)
        fingerprints: dict[Composition, dict[int, Fingerprint]] = defaultdict(dict)
        for entry in saved.entries:
            archive._entries[entry.number] = entry
            fingerprints[entry.fingerprint.composition][entry.number] = entry.fingerprint
        archive.nbytes = sum(entry.nbytes for entry in saved.entries)
        archive._indexes = {kind: FingerprintIndex(f) for kind, f in fingerprints.items()}
        archive._next = saved.next_number
        archive._shrink()
        return archive

    def _find(self, fingerprint: Fingerprint) -> Match | None:
        index = self._indexes.get(fingerprint.composition)
        near = index.nearest(fingerprint, within=self.tolerance) if index else []
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
        # A copy without cached properties, which would add to the memory.
        kept = type(fingerprint)(fingerprint.composition, fingerprint.species)
        self._entries[number] = entry = Entry(number, atoms, kept, label, values)
        self._indexes.setdefault(kept.composition, FingerprintIndex()).put(number, kept)
        self.nbytes += entry.nbytes
        self._shrink()
        return Match(number, 0.0, new=True)

    def _shrink(self) -> None:
        """Drop the least recently seen entries until the rest fits; keep at least one."""
        n_before = len(self)
        while self.nbytes > 1e6 * self.megabytes and len(self) > 1:
            number, entry = self._entries.popitem(last=False)
            composition = entry.fingerprint.composition
            self._indexes[composition].remove(number)
            if not self._indexes[composition]:
                del self._indexes[composition]
            self.nbytes -= entry.nbytes
        if len(self) < n_before:
            logger.info("the archive is full: dropped %d entries", n_before - len(self))
