"""Write the README's table of models from their cards: `python pretrained/table.py`."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from recipes import RECIPES

from ase_orbital.zoo import list_models, read_card

README = Path(__file__).parents[1] / "README.md"
HEAD = "| model | predicts | network | error on its test set | published EOSnet run |"


def main() -> None:
    """Replace the rows of the table by one row per model."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    rows = [HEAD, "|---|---|---|---|---|"]
    for name in (name for name in RECIPES if name in list_models()):
        card = read_card(name)
        error = f"**{card.test_error}**"
        if "roc_auc_test" in card.metrics:
            error += f", area under the ROC curve {card.metrics['roc_auc_test']:.4f}"
        predicted, published = f"`{card.property_name}`", RECIPES[name].published
        rows.append(f"| `{name}` | {predicted} | {card.network} | {error} | {published} |")
    text = README.read_text(encoding="utf-8")
    pattern = re.escape(HEAD) + r"\n(\|.*\n)*"
    README.write_text(re.sub(pattern, "\n".join(rows) + "\n", text), encoding="utf-8")


if __name__ == "__main__":
    main()
