"""Select rows of results: those that pass a filter, the best, and distinct ones."""

from __future__ import annotations

import json
from math import inf
from typing import TYPE_CHECKING, Any

from ase_orbital.errors import DataError, SettingError
from ase_orbital.files import atomic_write
from ase_orbital.screening.shards import KEY, SELECTED
from ase_orbital.screening.structure_tables import arrow
from ase_orbital.similarity.archive import BATCH_SIZE, Archive

if TYPE_CHECKING:
    from pandas import DataFrame

    from ase_orbital.screening.results import Results


def select(
    results: Results,
    where: str | None = None,
    *,
    top: tuple[int, str] | None = None,
    bottom: tuple[int, str] | None = None,
    unique: bool = False,
) -> DataFrame:
    """Select predicted structures, and keep them as `selected.parquet` with the results.

    The shards are read one by one; what passes the filter has to fit into memory, unless
    only a few are wanted and copies may be among them.

    Parameters
    ----------
    where
        Condition in the notation of pandas, such as "band_gap > 1 and in_domain".
    top, bottom
        (n, column) for the n structures of the highest or lowest values, in this order.
    unique
        Leave out structures that equal an earlier one: in the order of `top` or `bottom`,
        or of the inputs. Those of one formula are compared by their GOM fingerprints, as in
        `Archive`.

    Returns
    -------
    pandas.DataFrame
        As `Results.frame`.

    Raises
    ------
    SettingError
        If the condition or a column cannot be used.
    DataError
        If no shard is finished, or `unique` needs structures that were left out.
    """
    import pandas

    if top and bottom:
        raise SettingError("give either top or bottom")
    if unique and not results.metadata["structures"]:
        raise DataError("the structures were left out of these results; unique needs them")
    number, column = top or bottom or (None, None)
    if number is not None and not (isinstance(number, int) and number >= 1):
        raise SettingError(
            f"the number of structures must be whole and at least 1, not {number!r}"
        )
    parts: list[DataFrame] = []
    for frame in results.frames():
        found = frame[frame.error == ""].astype({"n_atoms": int})
        parts.append(_filtered(found, where) if where else found)
        if column is not None and not unique:  # then no more than these are needed
            best = _ranked(pandas.concat(parts), column, ascending=top is None)
            parts = [best.head(number)]
    if not parts:
        raise DataError("there is no finished shard to select from")
    kept = pandas.concat(parts)
    if column is not None:
        kept = _ranked(kept, column, ascending=top is None)
    if unique:
        kept = _distinct(results, kept, number)
    _write(results, kept)
    return kept


def _filtered(frame: DataFrame, where: str) -> DataFrame:
    try:
        return frame.query(where, engine="python")
    except Exception as error:  # what pandas raises for an expression has no common class
        raise SettingError(
            f"the filter {where!r} cannot be used: {error}; the columns are "
            f"{', '.join(frame.columns)}"
        ) from error


def _ranked(frame: DataFrame, column: str, *, ascending: bool) -> DataFrame:
    if column not in frame:
        raise SettingError(
            f"there is no column {column!r}; the columns are {', '.join(frame.columns)}"
        )
    return frame.sort_values(column, ascending=ascending, kind="stable")


def _distinct(results: Results, table: DataFrame, number: int | None) -> DataFrame:
    """Rows whose structures differ from those of all rows before; `number` of them."""
    table = table[~table.digest.duplicated()]
    rivals = table.formula.duplicated(keep=False)
    archive = Archive(megabytes=inf)
    places: list[int] = []
    for start in range(0, len(table), BATCH_SIZE):
        part = rivals.iloc[start : start + BATCH_SIZE]
        matches = iter(archive.add_many(results.atoms(part.index[part])))
        places += [
            start + place
            for place, compared in enumerate(part)
            if not compared or next(matches).new
        ]
        if number is not None and len(places) >= number:
            break
    return table.iloc[places[:number]]


def _write(results: Results, table: DataFrame) -> None:
    content: Any = arrow().Table.from_pandas(table.reset_index(), preserve_index=False)
    content = content.replace_schema_metadata({KEY: json.dumps(results.metadata)})
    with atomic_write(results.path / SELECTED) as temporary:
        arrow().parquet.write_table(content, temporary, write_page_checksum=True)
