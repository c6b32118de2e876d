"""ase-orbital models: list the models that come with the package."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ase_orbital.cli.results import table
from ase_orbital.properties import PROPERTIES

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    parser.epilog = "Test errors are explained in the model cards."


def run(_: Namespace) -> None:
    from ase_orbital.zoo.folders import list_models, read_card

    cards = {name: read_card(name) for name in list_models()}
    rows = [
        [
            name,
            card.network,
            card.property_name,
            card.unit,
            card.test_error,
            len(card.settings.get("elements") or []),
        ]
        for name, card in cards.items()
    ]
    print(table(("model", "network", "property", "unit", "test error", "elements"), rows))
    for predicted in dict.fromkeys(card.property_name for card in cards.values()):
        if predicted in PROPERTIES:
            print(f"\n{predicted}: {PROPERTIES[predicted].meaning}")
