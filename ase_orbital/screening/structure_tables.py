"""Structures as columns of Arrow tables and Parquet files.

The columns are those of OPTIMADE and of LeMat-Bulk under shorter names: `species`, a symbol
for each atom, `positions` in Å, `lattice` with a vector in each row in Å, and `pbc`.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from ase import Atoms

from ase_orbital.databases import IDS
from ase_orbital.elements import SYMBOLS
from ase_orbital.errors import OrbitalError
from ase_orbital.screening.frames import (
    BYTES,
    Frame,
    UnreadableError,
    check_present,
    content_or_stop,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

SUFFIX = ".parquet"
SPECIES = ("species_at_sites", "species", "numbers")
POSITIONS = ("cartesian_site_positions", "positions")
LATTICE = ("lattice_vectors", "lattice", "cell")
PBC = ("dimension_types", "pbc")
FEATURES = "structure_features"  # of OPTIMADE
DISORDERED = "it has partially occupied sites; make an ordered structure first"
NUMBERS = {symbol: number for number, symbol in enumerate(SYMBOLS) if number}
COLUMNS = ("species", "positions", "lattice", "pbc")


def arrow() -> Any:
    """Import pyarrow with its Parquet files; OrbitalError without it."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise OrbitalError(
            "Parquet files need pyarrow: pip install 'ase-orbital[screen]'"
        ) from error
    return pyarrow


def structure_columns(structures: Sequence[Atoms | None]) -> dict[str, Any]:
    """Columns of structures, as Arrow arrays; null for None."""
    pa = arrow()
    given = [atoms for atoms in structures if atoms is not None]
    missing = np.array([atoms is None for atoms in structures], bool)
    n_atoms = np.array([0 if atoms is None else len(atoms) for atoms in structures], int)
    numbers = [atoms.numbers for atoms in given]
    positions = [atoms.positions for atoms in given]
    cells = [atoms.cell.array for atoms in given]
    periodic = [atoms.pbc for atoms in given]

    def lists(values: Any, counts: NDArray[np.integer[Any]]) -> Any:
        offsets = np.concatenate([[0], np.cumsum(counts)])
        return pa.ListArray.from_arrays(
            pa.array(offsets, pa.int32()), values, mask=pa.array(missing)
        )

    def vectors(arrays: list[NDArray[np.float64]]) -> Any:
        flat = np.concatenate([np.empty((0, 3)), *arrays]).reshape(-1)
        return pa.FixedSizeListArray.from_arrays(pa.array(flat), 3)

    kinds = np.concatenate([np.empty(0, int), *numbers]).astype(np.int16)
    species = pa.DictionaryArray.from_arrays(pa.array(kinds), pa.array(list(SYMBOLS)))
    flags = np.concatenate([np.empty(0, bool), *periodic])
    return {
        "species": lists(species.cast(pa.string()), n_atoms),
        "positions": lists(vectors(positions), n_atoms),
        "lattice": lists(vectors(cells), 3 * ~missing),
        "pbc": lists(pa.array(flags), 3 * ~missing),
    }


def structures_of(table: Any) -> list[Atoms | str]:
    """Structures of the rows of a table; where a row has none, the reason.

    Raises UnreadableError if the table has no columns of structures.
    """
    names = _chosen(_wanted(table.schema))[:4]
    table = table.select([name for name in names if name]).combine_chunks()
    try:
        return list(_quickly(table, names))
    except Exception:  # a row that is empty, or has vectors of another length
        return [_one(row, names) for row in table.to_pylist()]


def _quickly(table: Any, names: Sequence[str | None]) -> Iterator[Atoms | str]:
    columns = [_flattened(table.column(name)) for name in names if name]
    (species, atoms), (positions, places), (cells, vectors), *rest = columns
    numbers, positions, cells = _numbers(species), _vectors(positions), _vectors(cells)
    flags = np.asarray(rest[0][0]).astype(bool) if rest else np.ones(3, bool)
    periodic = rest[0][1] if rest else [slice(0, 3)] * table.num_rows
    for row, (own, place, vector, pbc) in enumerate(
        zip(atoms, places, vectors, periodic, strict=True)
    ):
        kinds = numbers[own]
        sound = 0 < len(kinds) == place.stop - place.start and kinds.all()
        if sound and vector.stop - vector.start == pbc.stop - pbc.start == 3:
            yield Atoms(kinds, positions[place], cell=cells[vector], pbc=flags[pbc])
        else:
            yield _one(table.slice(row, 1).to_pylist()[0], names)


def _one(row: Mapping[str, Any], names: Sequence[str | None]) -> Atoms | str:
    """Structure of a row, or what is wrong with it."""
    species, positions, cell, pbc = (row[name] if name else (1, 1, 1) for name in names)
    for name in names:
        if name and row[name] is None:
            return f"its {name} is empty"
    for symbol in species:
        if symbol not in (NUMBERS if isinstance(symbol, str) else NUMBERS.values()):
            return f"{symbol!r} is no element"
    if not 0 < len(species) == len(positions):
        return f"it has {len(species)} species and {len(positions)} positions"
    try:
        return Atoms(
            species,
            np.array(positions, float),
            cell=np.array(cell, float).reshape(3, 3),
            pbc=np.array(pbc, bool).reshape(3),
        )
    except (ValueError, TypeError) as error:
        return f"it is no structure: {error}"


@dataclass(frozen=True)
class Rows:
    """Row groups of a Parquet file, or rows that were read already."""

    source: str
    first: int
    weight: int
    groups: tuple[int, ...] = ()
    table: Any = None

    def frames(self) -> Iterator[Frame]:
        """Read the rows; one that is no structure becomes a failed one."""
        table = self._read() if self.table is None else self.table
        names = _ids(table)
        disordered = _disordered(table)
        for row, atoms in enumerate(structures_of(table)):
            number, name = self.first + row, names[row] if names else None
            if row in disordered:
                yield Frame.failed(self.source, number, DISORDERED, name)
            elif isinstance(atoms, str):
                yield Frame.failed(self.source, number, atoms, name)
            else:
                yield Frame.of(atoms, self.source, number, name)

    def _read(self) -> Any:
        check_present(self.source)
        with _open(Path(self.source)) as file:
            return file.read_row_groups(
                list(self.groups), columns=_wanted(file.schema_arrow)
            )


def row_blocks(path: Path, size: int) -> Iterator[Rows]:
    """Cut a Parquet file into parts of about `size` rows or 16 MiB.

    Small row groups are joined. Large ones are decoded here, once, because the rows in the
    middle of a group can be read only after those before them.
    """
    with _open(path) as file:
        schema, metadata = _wanted(file.schema_arrow), file.metadata
        groups: list[int] = []
        first = rows = weight = 0
        for group in range(metadata.num_row_groups):
            about = metadata.row_group(group)
            most = max(
                1, min(size, BYTES * about.num_rows // max(1, about.total_byte_size))
            )
            if groups and rows + about.num_rows > most:
                yield Rows(str(path), first, weight, tuple(groups))
                first, rows, weight, groups = first + rows, 0, 0, []
            if about.num_rows <= 2 * most:
                groups.append(group)
                rows, weight = rows + about.num_rows, weight + _stored(about)
                continue
            for batch in file.iter_batches(most, row_groups=[group], columns=schema):
                table = arrow().Table.from_batches([batch])
                share = _stored(about) * len(batch) // about.num_rows
                yield Rows(str(path), first, share, (), table)
                first += len(batch)
        if groups:
            yield Rows(str(path), first, weight, tuple(groups))


def _open(path: Path) -> Any:
    try:
        return arrow().parquet.ParquetFile(path, page_checksum_verification=True)
    except OrbitalError:
        raise
    except Exception as error:
        reason = content_or_stop(path, error)
        raise UnreadableError(f"{path} is no Parquet file, or damaged: {reason}") from error


def _stored(about: Any) -> int:
    """Bytes of a row group in the file."""
    return sum(about.column(i).total_compressed_size for i in range(about.num_columns))


def _chosen(names: Sequence[str]) -> list[str | None]:
    """Names of the columns of species, positions, lattice, pbc and identifiers."""
    return [
        next((name for name in choices if name in names), None)
        for choices in (SPECIES, POSITIONS, LATTICE, PBC, IDS)
    ]


def _wanted(schema: Any) -> list[str]:
    chosen = _chosen(schema.names)
    if None in chosen[:3]:
        raise UnreadableError(
            "a Parquet file of structures has columns species, positions and lattice, or "
            "OPTIMADE's species_at_sites, cartesian_site_positions and lattice_vectors; "
            f"this one has {', '.join(schema.names)}"
        )
    features = [FEATURES] if FEATURES in schema.names else []
    return [name for name in chosen if name] + features


def _disordered(table: Any) -> set[int]:
    """Rows whose structures have partially occupied sites, according to OPTIMADE."""
    if FEATURES not in table.schema.names:
        return set()
    listed = table.column(FEATURES).to_pylist()
    return {row for row, names in enumerate(listed) if names and "disorder" in names}


def _ids(table: Any) -> list[Any]:
    name = _chosen(table.schema.names)[4]
    return table.column(name).to_pylist() if name else []


def _flattened(column: Any) -> tuple[Any, list[slice]]:
    """Values of a column of lists one after the other, and the place of each list."""
    pa = arrow()
    lists = column.combine_chunks()
    if isinstance(lists, pa.ChunkedArray):
        lists = pa.concat_arrays(lists.chunks)
    lists = lists.cast(pa.list_(lists.type.value_type))
    if lists.null_count:
        raise ValueError("a row is empty")
    ends = np.asarray(lists.offsets).astype(int)
    values = lists.values.slice(ends[0], ends[-1] - ends[0])
    ends = (ends - ends[0]).tolist()
    return values, [slice(*pair) for pair in itertools.pairwise(ends)]


def _vectors(values: Any) -> NDArray[np.float64]:
    """Array [n, 3] of lists of three numbers."""
    if values.null_count:
        raise ValueError("a vector is empty")
    flat = np.asarray(values.flatten()).astype(float)
    return flat.reshape(len(values), 3)


def _numbers(species: Any) -> NDArray[np.int64]:
    """Atomic numbers of symbols or numbers; 0 for what is no element."""
    if arrow().types.is_integer(species.type):
        numbers = np.asarray(species).astype(int)
        return np.where((numbers > 0) & (numbers < len(SYMBOLS)), numbers, 0)
    encoded = species.dictionary_encode()
    known = np.array([NUMBERS.get(str(name), 0) for name in encoded.dictionary])
    return np.asarray(known[np.asarray(encoded.indices)])
