"""Write again what the cards of shipped models say, but not what was measured.

    python pretrained/cards.py --data FOLDER

Weights and metrics are left as they are.
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path

from published import published_errors, test_crystals_seen_before
from recipes import RECIPES

from ase_orbital import load_model
from ase_orbital.checksums import TEST_IDS
from ase_orbital.training.cards import write_card
from ase_orbital.zoo import list_models, model_folder, renew_checksums

# Written by train.py, from predictions that are not computed here.
SAME_RELEASE = re.compile(r" [\d,]+ crystals of the test set have the geometry.*")


def main() -> None:
    """Write model.json and README.md of all models that have a recipe."""
    parser = argparse.ArgumentParser(description="Write the cards of the models again.")
    parser.add_argument("--data", type=Path, required=True)
    data = parser.parse_args().data
    for name in (name for name in list_models() if name in RECIPES):
        recipe, folder = RECIPES[name], model_folder(name)
        path = folder / "model.json"
        content = json.loads(path.read_text(encoding="utf-8"))
        card = content["metadata"]["card"]
        crystals = recipe.read(data) if recipe.published_column else []
        if (folder / TEST_IDS).is_file():
            test = json.loads((folder / TEST_IDS).read_text(encoding="utf-8"))
        else:
            marked = [at for at in crystals if at.info[recipe.settings["test_column"]]]
            test = [str(atoms.info["id"]) for atoms in marked]
        card |= recipe.data.card
        same_release = SAME_RELEASE.search(card["metrics"])
        sentences = (
            published_errors(recipe, crystals)
            + test_crystals_seen_before(name, test, data)
            + (same_release[0] if same_release else "")
        )
        card["metrics"] = f"\n{sentences.strip()}"
        path.write_text(json.dumps(content, indent=4), encoding="utf-8")
        renew_checksums(folder)
        write_card(folder, load_model(folder), content["metadata"])


if __name__ == "__main__":
    main()
