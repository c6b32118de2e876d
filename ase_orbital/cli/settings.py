"""Training settings as command-line options, one for each, under the same name."""

from __future__ import annotations

import json
from argparse import ArgumentTypeError, BooleanOptionalAction
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from ase_orbital.training.settings import CHOICES, TrainingSettings

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

READERS: dict[str, Any] = {
    "str": str, "str | None": str, "int": int, "int | None": int, "float": float,
    "float | None": float,
}  # fmt: skip


def add_settings(parser: ArgumentParser) -> None:
    """Add `--batch-size` for `batch_size`, and so on; absent ones are left to others."""
    group = parser.add_argument_group("settings, as in TrainingSettings and in --config")
    defaults = TrainingSettings()
    for known in fields(TrainingSettings):
        flag = f"--{known.name.replace('_', '-')}"
        help_text = known.metadata["meaning"].replace("%", "%%")
        if known.name != "network_settings":
            help_text += f" [{getattr(defaults, known.name)}]"
        options: dict[str, Any] = {"default": None, "dest": known.name, "help": help_text}
        kind = str(known.type)
        if kind == "bool":
            options["action"] = BooleanOptionalAction
        elif kind.startswith("tuple"):
            options |= {"type": float, "nargs": "+", "metavar": "X"}
        elif known.name == "network_settings":
            options |= {"type": _json, "metavar": "JSON"}
        else:
            options |= {"type": READERS[kind], "choices": CHOICES.get(known.name)}
        group.add_argument(flag, **options)


def given(arguments: Namespace) -> dict[str, Any]:
    """Settings that were given on the command line."""
    values = {
        known.name: getattr(arguments, known.name) for known in fields(TrainingSettings)
    }
    return {name: value for name, value in values.items() if value is not None}


def _json(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise ArgumentTypeError(f"{text!r} is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise ArgumentTypeError(
            f"{text!r} is no JSON object, such as '{{\"n_hidden\": 128}}'"
        )
    return value
