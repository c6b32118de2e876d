"""Select and sort the rows of a table on the command line."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ase_orbital.errors import SettingError

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from ase_orbital.cli.results import Record


def add_selection(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--where",
        metavar="EXPRESSION",
        help="only rows for which this is true, in the notation of pandas: "
        "'band_gap > 1 and n_atoms < 20'",
    )
    parser.add_argument(
        "--sort",
        metavar="COLUMN",
        help="sort by a column, or in descending order with a minus behind its name: "
        "band_gap-",
    )
    parser.add_argument("--top", type=int, metavar="N", help="only the first N rows")


def select(records: list[Record], arguments: Namespace) -> list[Record]:
    """Return the records that the options ask for, in their order.

    Records without a value in the column that they are sorted by are last.
    """
    if arguments.top is not None and arguments.top < 1:
        raise SettingError(f"--top must be at least 1, not {arguments.top}")
    if arguments.where and records:
        records = _where(records, arguments.where)
    if arguments.sort and records:
        records = _sorted(records, arguments.sort)
    return records[: arguments.top]


def _where(records: list[Record], expression: str) -> list[Record]:
    import pandas

    frame = pandas.DataFrame(records)
    try:
        chosen = frame.eval(expression, engine="python")
        if not (isinstance(chosen, pandas.Series) and chosen.dtype.kind == "b"):
            raise ValueError("it is no comparison, such as 'in_domain == 1'")
        kept = frame.index[chosen]
    except Exception as error:  # what pandas raises for an expression has no common class
        raise SettingError(
            f"--where {expression!r} cannot be used: {error}; the columns are "
            f"{', '.join(records[0])}"
        ) from error
    return [records[index] for index in kept]


def _sorted(records: list[Record], column: str) -> list[Record]:
    name = column.removesuffix("-")
    if name not in records[0]:
        raise SettingError(
            f"--sort: there is no column {name!r}; the columns are {', '.join(records[0])}"
        )
    missing = [
        value is None or (isinstance(value, float) and math.isnan(value))
        for value in (record[name] for record in records)
    ]
    known = [one for one, absent in zip(records, missing, strict=True) if not absent]
    known.sort(key=lambda record: record[name], reverse=column != name)
    return known + [one for one, absent in zip(records, missing, strict=True) if absent]
