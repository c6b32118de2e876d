"""Shards of results: Parquet files that are complete, or do not count.

A shard is written under a temporary name, flushed to the disk and renamed; then its done
mark is written in the same way, with the checksum of the shard. A run that is killed at any
moment leaves complete shards, and repeating it computes the others.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from ase_orbital.errors import DataError, check_path
from ase_orbital.files import atomic_write, write_text
from ase_orbital.screening.structure_tables import arrow

if TYPE_CHECKING:
    from pathlib import Path

FORMAT = 1
SHARDS = "shards"
RUN = "run.json"  # what was asked
TOTAL = "total.json"  # number of shards, when the inputs have been read to their end
SELECTED = "selected.parquet"
KEY = b"ase_orbital"  # of the metadata in the schema of a shard
MARKED = {"rows", "failed", "seconds", "bytes", "sha256"}


class Folder:
    """The output folder of a run.

    Raises DataError where the disk is full or cannot be written.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = check_path("the folder of results", path)

    def begin(self, metadata: dict[str, Any]) -> None:
        """Create the folder for a run, or check that it is the folder of the same run."""
        if self.path.is_file():
            raise DataError(f"{self.path} is a file; give a new folder for the results")
        if not self._is_run() and self._others():
            raise DataError(f"the folder {self.path} holds other files; give a new folder")
        try:
            (self.path / SHARDS).mkdir(parents=True, exist_ok=True)
            if not self._is_run():
                write_text(self.path / RUN, json.dumps(metadata, indent=1) + "\n")
        except OSError as error:
            raise self._unwritable(error) from error
        before = self.metadata()
        if metadata.get("inputs") != before.get("inputs"):
            raise DataError(
                f"{self.path} has results of other inputs, or these have changed since: "
                f"{before.get('inputs')}, not {metadata.get('inputs')}; give another "
                "folder, or bring back the inputs with their times (cp -p)"
            )
        for name in metadata.keys() | before.keys():
            if metadata.get(name) != before.get(name):
                raise DataError(
                    f"{self.path} has results of another run: its {name} are "
                    f"{_short(before.get(name))}, not {_short(metadata.get(name))}; give "
                    "another folder, or repeat the command as it was"
                )

    def metadata(self) -> dict[str, Any]:
        """What was asked; DataError if this is no folder of results."""
        try:
            found = json.loads((self.path / RUN).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise DataError(
                f"{self.path} has no results of a screening: {error}"
            ) from error
        if not isinstance(found, dict):
            raise DataError(f"{self.path / RUN} is damaged: {_short(found)}")
        return found

    def write(self, number: int, table: Any, seconds: float) -> dict[str, Any]:
        """Write a shard and its done mark; return the mark."""
        path = self.shard(number)
        table = table.replace_schema_metadata({KEY: json.dumps(self.metadata())})
        try:
            with atomic_write(path) as temporary:
                arrow().parquet.write_table(table, temporary, compression="zstd")
                content = temporary.read_bytes()
            mark = {
                "rows": table.num_rows,
                "failed": sum(map(bool, table.column("error").to_pylist())),
                "seconds": round(seconds, 3),
                "bytes": len(content),
                "sha256": hashlib.sha256(content).hexdigest(),
            }
            write_text(self.mark(number), json.dumps(mark))
        except OSError as error:
            raise self._unwritable(error) from error
        return mark

    def done(self, number: int) -> dict[str, Any] | None:
        """Return the mark of a shard that is complete and undamaged; None for others."""
        try:
            self.content(number)
        except DataError:
            return None
        return self.read_mark(number)

    def content(self, number: int) -> bytes:
        """Bytes of a shard; DataError if it is not complete, or differs from its mark."""
        path, mark = self.shard(number), self.read_mark(number)
        try:
            found = path.read_bytes()
        except OSError as error:
            raise DataError(f"{path} cannot be read: {error}") from error
        if mark is None or hashlib.sha256(found).hexdigest() != mark["sha256"]:
            raise DataError(f"{path} is damaged; repeat the screening, which replaces it")
        return found

    def read_mark(self, number: int) -> dict[str, Any] | None:
        """Return the mark of a shard; None if there is none, or it is damaged."""
        try:
            mark = json.loads(self.mark(number).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return mark if isinstance(mark, dict) and mark.keys() >= MARKED else None

    def n_shards(self) -> int | None:
        """Number of all shards; None if it is not known yet."""
        try:
            total = json.loads((self.path / TOTAL).read_text(encoding="utf-8"))["shards"]
        except (OSError, ValueError, TypeError, KeyError):
            return None
        return total if isinstance(total, int) else None

    def end(self, n_shards: int) -> None:
        """Record the number of all shards; DataError if there have been more."""
        if any(number >= n_shards for number in self.numbers()):
            raise DataError(
                f"{self.path} has results of more structures than these inputs; give "
                "another folder"
            )
        try:
            write_text(self.path / TOTAL, json.dumps({"shards": n_shards}))
        except OSError as error:
            raise self._unwritable(error) from error

    def numbers(self) -> list[int]:
        """Numbers of the shards that have a done mark."""
        names = (path.stem for path in (self.path / SHARDS).glob("*.json"))
        return sorted(int(name) for name in names if name.isdecimal())

    def shard(self, number: int) -> Path:
        """Path of a shard."""
        return self.path / SHARDS / f"{number:08d}.parquet"

    def mark(self, number: int) -> Path:
        """Path of the done mark of a shard."""
        return self.path / SHARDS / f"{number:08d}.json"

    def _others(self) -> list[str]:
        """Files that are there, and not what a run killed at its beginning leaves."""
        names = [path.name for path in self.path.iterdir()] if self.path.is_dir() else []
        own = (SHARDS, f".{RUN}.")
        return [name for name in names if not name.startswith(own)]

    def _is_run(self) -> bool:
        return (self.path / RUN).is_file()

    def _unwritable(self, error: OSError) -> DataError:
        return DataError(
            f"results cannot be written to {self.path}: {error}; make room and repeat the "
            "command, which continues after the last finished shard"
        )


def _short(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) < 80 else text[:77] + "..."
