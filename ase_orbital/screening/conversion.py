"""Pack structures of any files into one file that later runs read fast."""

from __future__ import annotations

from contextlib import closing, contextmanager
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

from ase_orbital.errors import DataError, SettingError, check_path
from ase_orbital.files import atomic_write
from ase_orbital.numerics.processes import map_with_workers, n_cpus
from ase_orbital.screening.database_rows import LMDB, opened
from ase_orbital.screening.frames import progress_bar, read_part
from ase_orbital.screening.sources import Given, Inputs
from ase_orbital.screening.structure_tables import (
    SUFFIX,
    arrow,
    structure_columns,
    structures_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from ase_orbital.screening.frames import Frame, Part
    from ase_orbital.structure import AtomsLike

ROWS = 10_000  # of a row group


class Packed(NamedTuple):
    """The structures of a part, and those that cannot be read."""

    table: Any
    failed: list[Frame]
    weight: int


def convert(
    inputs: str | Path | Iterable[str | Path] | Iterable[AtomsLike],
    output: str | Path,
    *,
    workers: int | None = None,
    form: str | None = None,
    progress: bool = False,
) -> tuple[int, list[Frame]]:
    """Write all structures of the inputs, with their identifiers, into one file.

    Parameters
    ----------
    inputs, workers, form, progress
        As for `screen`.
    output
        File to create or replace, completely or not at all: .parquet, which is smaller and
        faster to read, or .aselmdb, an ASE database. If no structure can be read, nothing
        is written.

    Returns
    -------
    n_structures, failed
        Number of structures that were written, and those that could not be read, with
        their errors.

    Raises
    ------
    SettingError
        If the suffix is another one.
    DataError
        If an input is absent or vanishes, or the disk is full.
    """
    output = check_path("output", output)
    if output.suffix not in WRITERS:
        raise SettingError(f"{output} must end with {' or '.join(WRITERS)}")
    found = Inputs(inputs, form)
    processes = n_cpus() if workers is None else workers
    failed: list[Frame] = []
    n_structures = finished = 0

    def tables() -> Iterator[Any]:
        """Tables that are not empty; what they lack is counted on the way."""
        nonlocal n_structures, finished
        for packed in parts:
            n_structures += len(packed.table)
            finished += packed.weight
            failed.extend(packed.failed)
            bar.total = round(n_structures * found.weight / finished) if finished else None
            bar.update(len(packed.table))
            if len(packed.table):
                yield packed.table

    try:
        with (
            progress_bar(shown=progress) as bar,
            closing(map_with_workers(pack, found.parts(ROWS), processes)) as parts,
        ):
            full = tables()
            first = next(full, None)
            if first is None:
                return 0, failed
            with (
                atomic_write(output) as temporary,
                WRITERS[output.suffix](temporary) as write,
            ):
                for table in chain([first], full):
                    write(table)
    except OSError as error:
        raise DataError(f"{output} cannot be written: {error}") from error
    return n_structures, failed


def pack(part: Part) -> Packed:
    """Read a part into a table."""
    frames = read_part(part)
    good = [frame for frame in frames if frame.atoms is not None]
    pa = arrow()
    columns = {
        "id": pa.array([frame.id for frame in good], pa.string()),
        "source": pa.array([frame.source for frame in good], pa.string()),
        "frame": pa.array([frame.number for frame in good], pa.int64()),
        **structure_columns([frame.atoms for frame in good]),
    }
    failed = [frame for frame in frames if frame.atoms is None]
    return Packed(pa.table(columns), failed, part.weight)


@contextmanager
def _parquet(path: Path) -> Iterator[Callable[[Any], None]]:
    with arrow().parquet.ParquetWriter(
        path, pack(Given((), 0)).table.schema, compression="zstd", write_page_checksum=True
    ) as file:
        yield file.write_table


@contextmanager
def _lmdb(path: Path) -> Iterator[Callable[[Any], None]]:
    with opened(path, readonly=False) as database:
        import lmdb

        database.ids = _Unlisted()

        def write(table: Any) -> None:
            rows = table.select(["id", "source", "frame"]).to_pylist()
            for row, atoms in zip(rows, structures_of(table), strict=True):
                database.write(atoms, data=row)

        try:
            with database:
                yield write
        except lmdb.Error as error:
            raise DataError(f"{path.name} cannot be written: {error}") from error


class _Unlisted(list[int]):
    """Identifiers of a new database, which looks for each of them before it writes."""

    def __contains__(self, _: object) -> bool:
        return False

    def append(self, _: int) -> None:
        """Keep none: a list of all takes memory."""


WRITERS = {SUFFIX: _parquet, LMDB: _lmdb}
