"""Write the tables of models, of new crystals and of matbench from cards and records.

    python pretrained/table.py

The tables of models and of matbench are in the README and in `docs/models/index.md`, and
that of new crystals only in the latter.
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path

from left_out import KINDS
from matbench import BOTH, RECORDS, TASKS
from published import MATBENCH, PAPERS
from recipes import RECIPES

from ase_orbital.files import write_text
from ase_orbital.numerics.digits import four_digits
from ase_orbital.zoo import list_models, model_folder, read_card

ROOT = Path(__file__).parents[1]
HEAD = (
    "| model | predicts | network | error on its test set | published EOSnet run "
    "| EOSnet paper | OCrystalNet paper |"
)
LINK = "[{0}](../../pretrained/{0}/README.md)"
MATBENCH_HEAD = "| task | unit | EOSNet | OCrystalNet | both | published |"
NEW_HEAD = "| model | unit | test set | new chemical systems | new prototypes |"
SHARED = re.compile(r"its published predictions have an error of ([\d.]+\d)")


def shipped() -> list[str]:
    """Return the names of the shipped models, in the order of the recipes."""
    return [name for name in RECIPES if name in list_models()]


def model_rows(link: str) -> list[str]:
    """Return a row for each model, in which its name is formatted by `link`."""
    rows = []
    for name in shipped():
        card, published = read_card(name), RECIPES[name].published
        error = f"**{card.test_error}**"
        if "roc_auc_test" in card.metrics:
            error += f", area under the ROC curve {card.metrics['roc_auc_test']:.4f}"
        text = (model_folder(name) / "README.md").read_text(encoding="utf-8")
        if shared := SHARED.search(" ".join(text.split())):
            published += f"; {shared[1]} on our test set"
        papers = PAPERS.get(card.property_name, ("", ""))
        columns = (link.format(name), f"`{card.property_name}`", card.network, error)
        rows.append(f"| {' | '.join((*columns, published, *papers))} |")
    return rows


def new_rows() -> list[str]:
    """Return a row for each model, with its errors on test crystals without relatives."""
    rows = []
    for name in shipped():
        card, cells = read_card(name), []
        measure = "accuracy" if "accuracy_test" in card.metrics else "mae"
        for kind in ("test", *KINDS):
            value = card.metrics.get(f"{measure}_{kind}")
            number = card.metrics.get(f"n_{kind}")
            cells.append(f"{four_digits(value)} ({number:,})" if value else "")
        unit = card.test_error.partition(" ")[2] if measure == "mae" else measure
        rows.append(f"| {LINK.format(name)} | {unit} | {' | '.join(cells)} |")
    return rows


def matbench_rows() -> list[str]:
    """Return a row for each task, with the records that there are."""
    rows = []
    for name, task in TASKS.items():
        found = []
        for network in ("eosnet", "ocrystalnet", BOTH):
            path = RECORDS / f"{name}-{network}.json"
            if not path.is_file():
                found.append("" if network == BOTH else "not measured")
                continue
            record = json.loads(path.read_text(encoding="utf-8"))
            score = f"{record['mean']:.4g} ± {record['std']:.2g}"
            if record["n_crystals"] < record["n_official"]:
                score += (
                    f" on {record['n_crystals']:,} of {record['n_official']:,} crystals"
                )
            found.append(score)
        columns = (f"matbench_{name}", task.unit, *found, MATBENCH[name])
        rows.append(f"| {' | '.join(columns)} |")
    return rows


def replace(path: Path, head: str, rows: list[str]) -> None:
    """Replace the rows of the table with this head."""
    text = path.read_text(encoding="utf-8")
    line = "|---" * (head.count("|") - 1) + "|"
    new, n = re.subn(
        re.escape(head) + r"\n(\|.*\n)*",
        lambda _: "\n".join([head, line, *rows]) + "\n",
        text,
    )
    if n != 1:
        raise SystemExit(f"{path} has {n} tables with the head {head!r}")
    write_text(path, new)


def main() -> None:
    """Replace the rows of all tables."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    page = ROOT / "docs/models/index.md"
    replace(ROOT / "README.md", HEAD, model_rows("`{0}`"))
    replace(page, HEAD, model_rows(LINK))
    replace(page, NEW_HEAD, new_rows())
    for text in (ROOT / "README.md", page):
        replace(text, MATBENCH_HEAD, matbench_rows())


if __name__ == "__main__":
    main()
