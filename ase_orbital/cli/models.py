"""ase-orbital models: what comes with the package."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ase_orbital.cli.results import table
from ase_orbital.keys import PROPERTIES, unit_of

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    parser.epilog = (
        "Figures are mean absolute errors on test sets; the model cards say which."
    )


def run(_: Namespace) -> None:
    from ase_orbital.zoo.folders import list_models, read_card

    rows = []
    for name in list_models():
        card = read_card(name)
        predicted = str(card.settings.get("property_name"))
        error = card.figures.get("mae_test")
        rows.append(
            [
                name,
                card.network,
                predicted,
                unit_of(predicted),
                "" if error is None else f"{error:.4f}",
                str(len(card.settings.get("elements") or [])),
            ]
        )
    print(table(("model", "network", "property", "unit", "test error", "elements"), rows))
    for predicted in dict.fromkeys(row[2] for row in rows):
        if predicted in PROPERTIES:
            print(f"\n{predicted}: {PROPERTIES[predicted].meaning}")
