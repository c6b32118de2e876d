"""Predictions for many structures: those of `ase-orbital screen` and `predict`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ase_orbital.errors import DataError, OrbitalError
from ase_orbital.properties import IN_DOMAIN
from ase_orbital.readers import read_frames
from ase_orbital.report.records import kind_of, std_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ase import Atoms
    from numpy.typing import NDArray
    from pandas import DataFrame

READERS = {".csv": "read_csv", ".parquet": "read_parquet", ".json": "read_json"}


@dataclass
class Screened:
    """Predictions for many structures, and how to get the structures.

    Parameters
    ----------
    frame
        A row for each structure, with a unique index, the columns `id`, `source` (file and
        frame), `formula`, `n_atoms` and `error`, and those of the predictions.
    units
        Units by name of the column; those of known properties may be absent.
    facts
        Names and texts about the run.
    atoms
        Returns the structures of rows, None for those that cannot be read.
    features
        Returns the fingerprints of rows, [n_rows, n_features]; None to compute them.
    selected
        Rows that the run selected, ranked; None if it selected none.
    note
        Sentence about the state of the run.
    """

    frame: DataFrame
    units: dict[str, str]
    facts: list[tuple[str, str]]
    atoms: Callable[[Sequence[Any]], list[Atoms | None]]
    features: Callable[[Sequence[Any]], NDArray[np.floating[Any]]] | None = None
    selected: Sequence[Any] | None = None
    note: str = ""

    @property
    def properties(self) -> list[str]:
        """Names of the predicted properties, without deviations and the domain."""
        taken = ("id", "source", "formula", "n_atoms", "error")
        return [
            name
            for name in self.frame
            if name not in taken
            and std_of(name) not in self.frame
            and kind_of(self.frame[name]) == "number"
        ]

    @property
    def inside(self) -> NDArray[np.bool_] | None:
        """Whether each structure is in the domain of all models; None if not known."""
        names = [name for name in self.frame if name.startswith(IN_DOMAIN)]
        if not names:
            return None
        return np.asarray((self.frame[names].astype(float) == 1.0).all(axis=1))


def from_table(path: Path) -> Screened:
    """Read a table that `ase-orbital predict -o` wrote.

    Raises
    ------
    DataError
        If the file cannot be read, has one row per number, or lacks a column.
    """
    import pandas

    if path.suffix not in READERS:
        raise DataError(f"{path} is no table: its name must end with {', '.join(READERS)}")
    try:
        frame = getattr(pandas, READERS[path.suffix])(path)
    except Exception as error:  # readers raise many kinds of exceptions
        raise DataError(f"{path} cannot be read: {error}") from error
    if {"property", "value"} <= {*frame}:
        raise DataError(f"{path} has one row per number; write it without --long")
    lacking = [name for name in ("structure", "formula", "n_atoms") if name not in frame]
    if lacking or frame.empty:
        raise DataError(
            f"{path} {'lacks ' + ', '.join(lacking) if lacking else 'has no rows'}; give a "
            "table that `ase-orbital predict -o` wrote"
        )
    frame = frame.rename(columns={"structure": "source"})
    frame["source"] = frame["source"].astype(str)
    named = "id" in frame and frame["id"].notna().all() and frame["id"].is_unique
    frame["id"] = frame["id"].astype(str) if named else frame["source"]
    frame["error"] = frame["error"].astype(object).fillna("") if "error" in frame else ""
    return Screened(
        frame, {}, [("table", str(path))], partial(_atoms_of_labels, frame["source"], path)
    )


def _atoms_of_labels(labels: Any, table: Path, rows: Sequence[Any]) -> list[Atoms | None]:
    """Read the structures of rows from the files and frames that their labels name."""
    wanted: dict[str, dict[int, list[int]]] = {}
    for place, label in enumerate(labels.loc[list(rows)]):
        path, _, frame = label.rpartition("@")
        if not path or not frame.lstrip("-").isdecimal():
            path, frame = label, "0"
        wanted.setdefault(path, {}).setdefault(int(frame), []).append(place)
    found: list[Atoms | None] = [None] * len(rows)
    for name, places in wanted.items():
        path = Path(name) if Path(name).is_file() else table.parent / name
        last = max(places)
        try:
            frames = read_frames(path, ":" if min(places) < 0 else f":{last + 1}")
        except OrbitalError:  # it has been moved, say; the report is made without
            continue
        for number, indices in places.items():
            if -len(frames) <= number < len(frames):
                for index in indices:
                    found[index] = frames[number]
    return found


def from_results(folder: Path) -> Screened:
    """Read a folder that `ase-orbital screen -o` wrote.

    Raises
    ------
    DataError
        If a file is damaged, or no structure has been finished yet.
    """
    from ase_orbital.screening import Results

    results = Results(folder)
    metadata = results.metadata
    names = ["id", "source", "frame", "formula", "n_atoms", *results.properties, "error"]
    frame = results.frame(columns=names)
    frame["source"] = frame["source"] + "@" + frame.pop("frame").astype(str)
    selected = results.selected()
    facts = [
        (
            "inputs",
            ", ".join(str(one.get("path", "structures")) for one in metadata["inputs"]),
        ),
        ("models", ", ".join(one["name"] for one in metadata["models"])),
        ("ase-orbital", str(metadata["package"])),
        ("shards", f"{len(results.marks):,} of {results.n_shards or 'an unknown number'}"),
        ("core hours", f"{sum(m['seconds'] for m in results.marks.values()) / 3600:.2f}"),
    ]
    return Screened(
        frame,
        results.units,
        facts,
        partial(_atoms_of_results, results),
        partial(_features_of_results, results) if metadata["descriptors"] else None,
        None if selected is None else list(selected.index),
        "" if results.complete else "The run has not ended: this is what is finished.",
    )


def _atoms_of_results(results: Any, rows: Sequence[Any]) -> list[Atoms | None]:
    if not results.metadata["structures"]:
        return [None] * len(rows)
    return list(results.atoms(list(rows)))


def _features_of_results(results: Any, rows: Sequence[Any]) -> NDArray[np.floating[Any]]:
    """Read the column of fingerprints shard by shard, and keep only some rows."""
    import pandas

    name, wanted = results.metadata["descriptors"][0], pandas.Index(rows)
    parts = []
    for frame in results.frames(columns=[name]):
        kept = frame[frame.index.isin(wanted)]
        if len(kept):
            parts.append(kept[name])
    return np.stack(list(pandas.concat(parts).loc[list(rows)]))
