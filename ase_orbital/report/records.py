"""Tables as columns of plain values, as the scripts of a page take them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from ase_orbital.properties import IN_DOMAIN, PROPERTIES, STD, unit_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pandas import DataFrame, Series

DIGITS = 6  # significant ones, of numbers in a page


def columns_of(
    frame: DataFrame, units: Mapping[str, str], labels: Mapping[str, str] | None = None
) -> list[dict[str, Any]]:
    """Return the columns of a table with label, unit, kind and values.

    Parameters
    ----------
    frame
        Table. A column whose name contains `_std` is the standard deviation of the column
        without, and is shown beside it.
    units, labels
        Units and labels by name of the column. By default, the unit is that of the
        property, and the label is the name with spaces.

    Returns
    -------
    list of dict
        `name`, `label`, `unit`, `kind` ("number", "flag" or "text"), `values` with None for
        missing ones, `std` with the name of another column, and `hidden` for those.
    """
    deviations = {std_of(name): name for name in frame if std_of(name) in frame}
    found = []
    for name in frame:
        kind = kind_of(frame[name])
        column = {
            "name": name,
            "label": (labels or {}).get(name, str(name).replace("_", " ")),
            "unit": shown_unit(name, units),
            "kind": kind,
            "values": _values(frame[name], kind),
        }
        if name in deviations:
            column["std"] = deviations[name]
        if name in deviations.values():
            column["hidden"] = True
        found.append(column)
    return found


def std_of(name: str) -> str | None:
    """Return the name of the column that a standard deviation belongs to, if it is one."""
    return name.replace(STD, "", 1) if STD in name else None


def shown_unit(name: str, units: Mapping[str, str]) -> str:
    """Return the unit of a column; empty if it has none or is dimensionless."""
    unit = units.get(name) or unit_of(name)
    if not unit:  # a property with the name of a model behind it
        known = [one for one in PROPERTIES if name.startswith(f"{one}_")]
        unit = unit_of(max(known, key=len)) if known else ""
    return "" if unit == "1" else unit


def kind_of(values: Series) -> str:
    """Return "flag" for truth values, "number" for numbers, else "text"."""
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    known = values.dropna().infer_objects()
    if str(values.name).startswith(IN_DOMAIN) or (len(known) and is_bool_dtype(known)):
        return "flag"
    return "number" if len(known) and is_numeric_dtype(known) else "text"


def _values(values: Series, kind: str) -> list[Any]:
    missing = values.isna()
    if kind == "text":
        return [None if no else str(at) for at, no in zip(values, missing, strict=True)]
    return plain_numbers(
        math.nan if no else float(at) for at, no in zip(values, missing, strict=True)
    )


def plain_numbers(values: Iterable[float]) -> list[float | int | None]:
    """Round to 6 significant digits; None for nan and infinity, int for whole numbers."""
    numbers: list[float | int | None] = []
    for value in values:
        if not math.isfinite(value):
            numbers.append(None)
            continue
        short = float(f"{value:.{DIGITS}g}")
        numbers.append(int(short) if short.is_integer() else short)
    return numbers
