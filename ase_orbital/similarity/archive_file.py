"""Archives as files: one of numpy's, of plain arrays, so that reading runs no code."""

from __future__ import annotations

import json
import os
import zipfile
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from ase import Atoms

from ase_orbital.descriptors.settings import from_settings, to_settings
from ase_orbital.errors import DataError, ModelError, SettingError
from ase_orbital.similarity.entry import Entry
from ase_orbital.similarity.fingerprints import Fingerprint, Rows, composition_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from ase_orbital.descriptors.base import Descriptor

VERSION = 1


class Saved(NamedTuple):
    """What a file holds."""

    entries: list[Entry]
    descriptor: Descriptor
    tolerance: float
    next_number: int


def write(
    path: Path,
    entries: list[Entry],
    descriptor: Descriptor,
    tolerance: float,
    next_number: int,
) -> None:
    """Write entries in their order.

    Raises
    ------
    SettingError
        If the descriptor is not one of this package's.
    """
    try:
        settings = to_settings(descriptor)
    except ModelError as error:
        raise SettingError(
            f"an archive under {type(descriptor).__name__} cannot be saved: it is not "
            "one of this package's descriptors, which a file can name"
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
    species = [rows for entry in entries for rows in entry.fingerprint.species]
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
            shape=np.array([rows.values.shape for rows in species], np.int64).reshape(
                -1, 2
            ),
            copies=joined([rows.copies for rows in species], np.int64),
            rows=joined([rows.values.ravel() for rows in species], np.float32),
        )
        file.flush()
        os.fsync(file.fileno())  # before it takes the place of the one before


def joined(arrays: list[NDArray[Any]], dtype: type) -> NDArray[Any]:
    """Flat arrays one after another; none make an empty one."""
    return np.concatenate([np.zeros(0, dtype), *arrays])


def read(path: Path) -> Saved:
    """Read what `write` wrote.

    Raises
    ------
    DataError
        If there is no such file, or it is damaged or of a later version.
    """
    if not path.is_file():
        raise DataError(f"there is no archive {path}")
    try:
        # Opened here: numpy leaves files open that turn out to be no archives.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as saved:
            arrays = {name: saved[name] for name in saved.files}
        head = json.loads(str(arrays.pop("head")))
        if head["version"] > VERSION:
            raise DataError(
                f"{path} is an archive of version {head['version']}; this package knows "
                f"{VERSION}: update it"
            )
        return Saved(
            list(entries_of(head, arrays)),
            from_settings(head["descriptor"]),
            float(head["tolerance"]),
            int(head["next_number"]),
        )
    except (
        OSError,
        EOFError,
        KeyError,
        ValueError,
        TypeError,
        zipfile.BadZipFile,
    ) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(
            f"{path} is no archive, or damaged: {type(error).__name__}: {error}"
        ) from error


def entries_of(head: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Iterator[Entry]:
    """Entries from joined arrays."""
    atom, kind, copy, value = 0, 0, 0, 0
    positions = arrays["positions"].reshape(-1, 3)
    for index, number in enumerate(arrays["number"].tolist()):
        n_atoms = int(arrays["n_atoms"][index])
        here = slice(atom, atom + n_atoms)
        pbc = arrays["pbc"][index]
        composition = composition_of(arrays["numbers"][here], bool(pbc.any()))
        species = []
        for _ in composition[1]:
            n_distinct, width = arrays["shape"][kind].tolist()
            rows = arrays["rows"][value : value + n_distinct * width]
            copies = arrays["copies"][copy : copy + n_distinct]
            # Copies: a view would keep the whole file in memory.
            species.append(Rows(rows.reshape(n_distinct, width).copy(), copies.copy()))
            kind, copy, value = kind + 1, copy + n_distinct, value + n_distinct * width
        yield Entry(
            number,
            Atoms(arrays["numbers"][here], positions[here], cell=arrays["cell"][index],
                  pbc=pbc),
            Fingerprint(composition, tuple(species)),
            head["labels"][index],
            head["values"][index],
            int(arrays["seen"][index]),
        )  # fmt: skip
        atom += n_atoms
