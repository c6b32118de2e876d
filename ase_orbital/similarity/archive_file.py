"""Read and write archives as NumPy files of plain arrays, which contain no code."""

from __future__ import annotations

import json
import struct
import zlib
from typing import TYPE_CHECKING, Any, NamedTuple
from zipfile import BadZipFile

import numpy as np
from ase import Atoms

from ase_orbital.descriptors.base import Descriptor
from ase_orbital.errors import DataError, ModelError, SettingError
from ase_orbital.files import check_zip
from ase_orbital.similarity.entry import Entry
from ase_orbital.similarity.fingerprints import Fingerprint, SpeciesFeatures, composition_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

VERSION = 1
# The errors that zipfile, numpy and a head with other entries raise.
DAMAGED = (
    OSError, EOFError, LookupError, ValueError, TypeError, RuntimeError, BadZipFile,
    struct.error, zlib.error,
)  # fmt: skip


class Content(NamedTuple):
    """Content of a file; the entries begin with the least recently seen one."""

    entries: list[Entry]
    descriptor: Descriptor
    tolerance: float
    next_number: int


def write(path: Path, content: Content) -> None:
    """Write an archive; SettingError if its descriptor cannot be described in a file."""
    entries, descriptor, tolerance, next_number = content
    try:
        settings = descriptor.to_settings()
    except ModelError as error:
        raise SettingError(
            f"an archive with the descriptor {type(descriptor).__name__} cannot be saved: "
            f"{error}"
        ) from error
    head = {
        "version": VERSION,
        "descriptor": settings,
        "tolerance": tolerance,
        "next_number": next_number,
        "labels": [entry.label for entry in entries],
        "values": [entry.values for entry in entries],
    }
    frames = [entry.atoms for entry in entries]
    species = [features for entry in entries for features in entry.fingerprint.species]
    with path.open("wb") as file:
        np.savez(
            file,
            head=np.array(json.dumps(head)),
            number=np.array([entry.number for entry in entries], np.int64),
            seen=np.array([entry.seen for entry in entries], np.int64),
            n_atoms=np.array([len(atoms) for atoms in frames], np.int64),
            numbers=joined([atoms.numbers.astype(np.uint8) for atoms in frames], np.uint8),
            positions=joined([atoms.positions.ravel() for atoms in frames], float),
            cell=np.array([atoms.cell.array for atoms in frames]).reshape(-1, 3, 3),
            pbc=np.array([atoms.pbc for atoms in frames], bool).reshape(-1, 3),
            shape=np.array([part.values.shape for part in species], np.int64).reshape(
                -1, 2
            ),
            copies=joined([part.copies for part in species], np.int64),
            features=joined([part.values.ravel() for part in species], np.float32),
        )


def joined(arrays: list[NDArray[Any]], dtype: type) -> NDArray[Any]:
    """Concatenate flat arrays; an empty list gives an empty array."""
    return np.concatenate([np.zeros(0, dtype), *arrays])


def read(path: Path) -> Content:
    """Read an archive; DataError if it is absent, damaged, or of a later version."""
    if not path.is_file():
        raise DataError(f"there is no archive {path}")
    try:
        check_zip(path)
        # Opened here, because numpy does not close files that are not archives.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as saved:
            arrays = {name: saved[name] for name in saved.files}
        head = json.loads(str(arrays.pop("head")))
        if head["version"] > VERSION:
            raise DataError(
                f"{path} is an archive of version {head['version']}; this package knows up "
                f"to {VERSION}: update it"
            )
        return Content(
            list(entries_of(head, arrays)),
            Descriptor.from_settings(head["descriptor"]),
            float(head["tolerance"]),
            int(head["next_number"]),
        )
    except DataError:
        raise
    except DAMAGED as error:
        raise DataError(
            f"{path} is not an archive, or is damaged: {type(error).__name__}: {error}"
        ) from error


def entries_of(head: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Iterator[Entry]:
    """Split the concatenated arrays into entries."""
    atom, kind, copy, value = 0, 0, 0, 0
    positions = arrays["positions"].reshape(-1, 3)
    for index, number in enumerate(arrays["number"].tolist()):
        n_atoms = int(arrays["n_atoms"][index])
        here = slice(atom, atom + n_atoms)
        pbc = arrays["pbc"][index]
        numbers = arrays["numbers"][here]
        composition = composition_of(numbers, bool(pbc.any()))
        species = []
        for _ in composition[1]:
            n_distinct, width = arrays["shape"][kind].tolist()
            values = arrays["features"][value : value + n_distinct * width]
            copies = arrays["copies"][copy : copy + n_distinct]
            # Copied, because a view would keep the whole file in memory.
            values = values.reshape(n_distinct, width).copy()
            species.append(SpeciesFeatures(values, copies.copy()))
            kind, copy, value = kind + 1, copy + n_distinct, value + n_distinct * width
        yield Entry(
            number,
            Atoms(numbers, positions[here], cell=arrays["cell"][index], pbc=pbc),
            Fingerprint(composition, tuple(species)),
            head["labels"][index],
            head["values"][index],
            int(arrays["seen"][index]),
        )
        atom += n_atoms
