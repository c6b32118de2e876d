"""Read the results of a screening."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any

from ase_orbital.errors import DataError
from ase_orbital.screening.shards import KEY, RUN, SELECTED, Folder
from ase_orbital.screening.structure_tables import COLUMNS, arrow, structures_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from ase import Atoms
    from pandas import DataFrame

PLACE = ["shard", "row"]  # names of the index
NEEDED = {"properties", "units", "models", "structures", "descriptors", "inputs", "package"}


class Results:
    """The folder that `screen` writes, also while it is being written.

    Parameters
    ----------
    folder
        The output folder.

    Attributes
    ----------
    path
        The folder.
    metadata
        Models, units, settings and inputs of the run.
    properties, units
        Columns of the predictions, and their units.

    Raises
    ------
    DataError
        If it is no such folder.
    """

    def __init__(self, folder: str | Path) -> None:
        self._folder = Folder(folder)
        self.path = self._folder.path
        self.metadata = self._folder.metadata()
        if lacking := NEEDED - self.metadata.keys():
            raise DataError(f"{self.path / RUN} is damaged: it lacks {min(lacking)}")
        self.properties: list[str] = self.metadata["properties"]
        self.units: dict[str, str] = self.metadata["units"]

    @property
    def marks(self) -> dict[int, dict[str, Any]]:
        """Done marks by the number of the shard: rows, failed, seconds, bytes, sha256."""
        found = (
            (number, self._folder.read_mark(number)) for number in self._folder.numbers()
        )
        return {number: mark for number, mark in found if mark is not None}

    @property
    def n_shards(self) -> int | None:
        """Number of all shards; None if the inputs have not been read to their end."""
        return self._folder.n_shards()

    @property
    def complete(self) -> bool:
        """Whether all shards are done."""
        return len(self._folder.numbers()) == self.n_shards

    def frames(self, columns: Sequence[str] | None = None) -> Iterator[DataFrame]:
        """Read the shards one by one.

        Parameters
        ----------
        columns
            None for all but the structures and descriptors.

        Yields
        ------
        pandas.DataFrame
            One row a structure. The index has the number of the shard and the row in it.
        """
        import pandas

        for number in self._folder.numbers():
            table = self._read(number, self._plain() if columns is None else columns)
            frame = _frame(table)
            frame.index = pandas.MultiIndex.from_product(
                [[number], range(len(frame))], names=PLACE
            )
            yield frame

    def frame(self, columns: Sequence[str] | None = None) -> DataFrame:
        """Read all shards into one DataFrame, with `attrs["units"]`; see `frames`."""
        import pandas

        frames = list(self.frames(columns))
        if not frames:
            raise DataError(f"{self.path} has no finished shard yet")
        table = pandas.concat(frames)
        table.attrs["units"] = self.units
        return table

    def selected(self) -> DataFrame | None:
        """Return the rows that were selected last, in their order; None if none were."""
        path = self.path / SELECTED
        if not path.is_file():
            return None
        try:
            table = arrow().parquet.read_table(path, page_checksum_verification=True)
            return _frame(table).set_index(PLACE)
        except (OSError, ValueError, KeyError) as error:
            raise DataError(f"{path} is damaged: {error}; select again") from error

    def atoms(self, index: Iterable[tuple[int, int]]) -> list[Atoms]:
        """Read structures by shard and row, as in the index of `frame`.

        Raises
        ------
        DataError
            If the structures were not stored, there is no such row, or its structure could
            not be read.
        """
        if not self.metadata["structures"]:
            raise DataError("the structures were left out of these results")
        wanted = list(index)
        found: dict[tuple[int, int], Atoms] = {}
        for number, places in itertools.groupby(sorted(set(wanted)), lambda at: at[0]):
            rows = [row for _, row in places]
            table = self._read(number, [*COLUMNS, "id"])
            if not 0 <= rows[0] <= rows[-1] < len(table):
                raise DataError(f"shard {number} has {len(table)} rows, not {rows}")
            table = table.take(rows)
            names = table.column("id").to_pylist()
            for row, name, atoms in zip(rows, names, structures_of(table), strict=True):
                if isinstance(atoms, str):
                    raise DataError(f"row {row} of shard {number} ({name}): {atoms}")
                atoms.info["id"] = name
                found[number, row] = atoms
        return [found[place].copy() for place in wanted]

    def digests(self, number: int) -> list[str | None]:
        """Return the digest of each structure of a shard; None for what is no structure."""
        found: list[str | None] = self._read(number, ["digest"])["digest"].to_pylist()
        return found

    def _plain(self) -> list[str]:
        return [
            "id",
            "source",
            "frame",
            "formula",
            "n_atoms",
            *self.properties,
            "error",
            "digest",
        ]

    def _read(self, number: int, columns: Sequence[str]) -> Any:
        pa, content = arrow(), self._folder.content(number)
        table = pa.parquet.read_table(pa.BufferReader(content), columns=list(columns))
        if json.loads(table.schema.metadata[KEY]) != self.metadata:
            raise DataError(
                f"{self.path / RUN} is damaged: it differs from its copy in shard {number}"
            )
        return table


def read_results(folder: str | Path) -> DataFrame:
    """Read the results of a screening into a DataFrame, one row a structure.

    `attrs["units"]` has the units of the predicted columns; see `Results` for the
    structures, and for results that are larger than the memory.
    """
    return Results(folder).frame()


def _frame(table: Any) -> DataFrame:
    frame: DataFrame = table.to_pandas()
    if "in_domain" in frame:
        frame["in_domain"] = frame["in_domain"].eq(True)  # false where it failed
    return frame
