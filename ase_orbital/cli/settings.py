"""Command-line options for the training settings, with the same names."""

from __future__ import annotations

import json
from argparse import ArgumentTypeError, BooleanOptionalAction
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

from ase_orbital.training.settings import TrainingSettings

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_settings(parser: ArgumentParser) -> None:
    """Add `--batch-size` for `batch_size`, and so on; each is None unless given."""
    group = parser.add_argument_group("settings, as in TrainingSettings and in --config")
    for name, setting in TrainingSettings.model_fields.items():
        meaning = " ".join(str(setting.description).split()).replace("%", "%%")
        group.add_argument(
            f"--{name.replace('_', '-')}",
            dest=name,
            help=f"{meaning.removesuffix('.')} [{setting.default}]".removesuffix(" [{}]"),
            default=None,
            **_reading(setting.annotation),
        )


def _reading(annotation: Any) -> dict[str, Any]:
    """Return the arguments that make argparse read values of a type."""
    if bool in (annotation, *get_args(annotation)):  # also `bool | None`
        return {"action": BooleanOptionalAction}
    for choice in (annotation, *get_args(annotation)):  # also of `Literal | None`
        if get_origin(choice) is Literal:
            return {"choices": get_args(choice)}
    if get_origin(annotation) is tuple:
        return {"type": float, "nargs": "+", "metavar": "X"}
    if get_origin(annotation) is dict:
        return {"type": _json, "metavar": "JSON"}
    kind = (get_args(annotation) or [annotation])[0]  # int for `PositiveInt | None`
    return {"type": getattr(kind, "__origin__", kind)}


def given(arguments: Namespace) -> dict[str, Any]:
    """Return the settings that were given on the command line."""
    values = {name: getattr(arguments, name) for name in TrainingSettings.model_fields}
    return {name: value for name, value in values.items() if value is not None}


def _json(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise ArgumentTypeError(f"{text!r} is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise ArgumentTypeError(
            f"{text!r} is not a JSON object, such as '{{\"n_hidden\": 128}}'"
        )
    return value
