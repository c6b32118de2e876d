"""ase-orbital predict: predict properties of the structures in files."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass, field
from pathlib import Path
from shutil import get_terminal_size
from typing import TYPE_CHECKING

from ase_orbital.cli.options import add_device, add_models, add_output
from ase_orbital.cli.results import (
    WRITERS,
    Record,
    heading,
    is_worth_writing,
    table,
    width_of,
    wrapped,
    write,
)
from ase_orbital.cli.selection import add_selection, select
from ase_orbital.cli.startup import imports
from ase_orbital.cli.structures import (
    NamedStructure,
    add_files,
    check_not_read,
    copy_database_info,
    formula_of,
    plain_warnings,
    read_structures,
)
from ase_orbital.errors import SettingError
from ase_orbital.numerics.digits import rounded
from ase_orbital.properties import STD, column_names

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from ase import Atoms

    from ase_orbital.predict.predictor import Predictor

OTHERS = ("structure", "id", "formula", "n_atoms", "error")  # columns of every table
ALL = "all"
STRUCTURES = (".extxyz", ".xyz", ".db")


def add_arguments(parser: ArgumentParser) -> None:
    add_files(parser)
    add_models(
        parser,
        f"for more, or {ALL!r} (default: the first shipped model of each property)",
        required=False,
    )
    add_output(parser, list(WRITERS), "write to a file instead of the screen")
    parser.add_argument(
        "--domain",
        action="store_true",
        help="also print `in_domain`: whether a structure is like the training set",
    )
    parser.add_argument(
        "--long", action="store_true", help="one row per number, with its unit and model"
    )
    add_selection(parser)
    add_device(parser)


@dataclass
class Row:
    """What is known and predicted about one structure."""

    label: str
    id: str
    atoms: Atoms | None  # None if it is not valid
    values: dict[str, dict[str, float]] = field(default_factory=dict)  # by model, by name
    error: str = ""

    @property
    def source(self) -> Record:
        """First columns of a table."""
        return {
            "structure": self.label,
            "id": self.id,
            "formula": formula_of(self.atoms) if self.atoms else None,
            "n_atoms": len(self.atoms) if self.atoms else None,
        }


def run(arguments: Namespace) -> int:
    suffix = arguments.output.suffix if arguments.output else ""
    if arguments.long and suffix in STRUCTURES:
        raise SettingError(f"--long is for tables, not for {suffix} files")
    check_not_read(arguments)
    with imports():
        from ase_orbital.predict.predictor import Predictor

    predictors = {
        label: Predictor(name, device=arguments.device, domain=arguments.domain)
        for label, name in _names(arguments.model).items()
    }
    structures = read_structures(arguments)
    valid = [one for one in structures if isinstance(one, NamedStructure)]
    copy_database_info(arguments.files, valid)
    rows = [
        Row(one.label, one.id, one.atoms)
        if isinstance(one, NamedStructure)
        else Row(one.label, one.id, None, error=str(one.error))
        for one in structures
    ]
    with plain_warnings():
        _predict_all(rows, predictors, chosen=bool(arguments.model))
    records = select((_long if arguments.long else _wide)(rows, predictors), arguments)
    if arguments.output:
        predicted = any(row.values for row in rows)
        if is_worth_writing(records if predicted else [], arguments.output):
            atoms = {row.label: row.atoms for row in rows if row.atoms}
            write(records, atoms, arguments.output)
    elif records:
        print(_screen(records, predictors, std=bool(arguments.model or arguments.long)))
    return int(any(row.error for row in rows))


def _names(given: list[str] | None) -> dict[str, str]:
    """Names or folders of the models by what they are called in the table."""
    from ase_orbital.zoo.folders import list_models, read_card

    if not given:
        first: dict[str, str] = {}
        for name in list_models():
            first.setdefault(read_card(name).property_name, name)
        given = list(first.values())
    elif given == [ALL]:
        given = list_models()
    names = list(dict.fromkeys(given))
    short = [Path(name).name for name in names]
    # The whole path, if the last part is not unique.
    return {
        name if short.count(last) > 1 else last: name
        for name, last in zip(names, short, strict=True)
    }


def _predict_all(
    rows: list[Row], predictors: dict[str, Predictor], *, chosen: bool
) -> None:
    """Predict with every model, and report structures that cannot be predicted.

    If the user did not choose the models, some of them may not know an element.
    """
    valid = [row for row in rows if row.atoms]
    reasons: list[list[str]] = [[] for _ in valid]
    show = len(valid) > 100 and sys.stderr.isatty()
    for model, predictor in predictors.items():
        structures = [row.atoms for row in valid if row.atoms]
        records = predictor.predict_many(structures, progress=show, errors="record")
        for row, failed, record in zip(valid, reasons, records, strict=True):
            reason = record.pop("error")
            if reason:
                failed.append(reason)
            else:
                row.values[model] = record
    for row, failed in zip(valid, reasons, strict=True):
        if failed and row.values and not chosen:
            skipped = f"skipped by {len(failed)} of {len(predictors)} models"
            print(f"{row.label}: {skipped}: {failed[0]}", file=sys.stderr)
        elif failed:
            row.error = "; ".join(dict.fromkeys(failed))
            print(f"{row.label}: {row.error}", file=sys.stderr)


def _columns(predictors: dict[str, Predictor]) -> dict[tuple[str, str], str]:
    """Names of the columns by model and property.

    They have the name of the model if several models predict the property, and none is that
    of another column.
    """
    every = [(model, name) for model in predictors for name in predictors[model].properties]
    names = [name for _, name in every]
    columns = column_names(names, OTHERS)
    return {
        (model, name): columns[name]
        if names.count(name) == 1
        else name + "_" + "".join(c if c.isalnum() else "_" for c in model)
        for model, name in every
    }


def _wide(rows: list[Row], predictors: dict[str, Predictor]) -> list[Record]:
    """One record per structure."""
    columns = _columns(predictors).items()
    return [
        {
            **row.source,
            **{
                column: row.values.get(model, {}).get(name, math.nan)
                for (model, name), column in columns
            },
            "error": row.error,
        }
        for row in rows
    ]


def _long(rows: list[Row], predictors: dict[str, Predictor]) -> list[Record]:
    """One record per number, and one for each structure that has failed."""
    names = ("property", "value", "unit", "model", "error")
    records = []
    for row in rows:
        numbers: list[tuple[str, float, str, str, str]] = [
            (name, value, predictors[model].units[name], model, "")
            for model, values in row.values.items()
            for name, value in values.items()
        ]
        if row.error:
            numbers.append(("", math.nan, "", "", row.error))
        records += [row.source | dict(zip(names, one, strict=True)) for one in numbers]
    return records


def _screen(records: list[Record], predictors: dict[str, Predictor], *, std: bool) -> str:
    """Table without the columns that are empty, and with units below the names.

    Where it is wider than a terminal, one structure has a row per property, and the columns
    of several are in tables one below the other. A pipe always gets one table.
    """
    units = {
        column: predictors[model].units[name]
        for (model, name), column in _columns(predictors).items()
        if std or not name.endswith(STD)
    }
    hidden = _columns(predictors).values() - units.keys()
    shown = [
        name
        for name in records[0]
        if name not in hidden
        and (name not in ("id", "error") or any(record[name] for record in records))
    ]
    header = [heading(name, units.get(name, "")) for name in shown]
    rows = [[_digits(record, name) for name in shown] for record in records]
    text, width = table(header, rows), get_terminal_size().columns
    if not sys.stdout.isatty() or width_of(text) <= width:
        return text
    if len(rows) > 1:
        return wrapped(header, rows, width)
    described = [name for name in shown if name in OTHERS]
    lines = [f"{name}: {records[0][name]}" for name in described]
    numbers = [
        (name, value, "" if units.get(name) == "1" else units.get(name, ""))
        for name, value in zip(shown, rows[0], strict=True)
        if name not in described
    ]
    return "\n".join([*lines, "", table(["property", "value", "unit"], numbers)])


def _digits(record: Record, name: str) -> object:
    """Value with the digits that its standard deviation allows."""
    value = record[name]
    std = record[name] if name.endswith(STD) else record.get(name + STD, math.nan)
    if not isinstance(value, float) or math.isnan(value) or math.isnan(std):
        return value
    return rounded(value, std)
