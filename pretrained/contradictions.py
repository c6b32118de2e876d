"""Count the test crystals whose band gap and metal probability contradict each other.

    python pretrained/contradictions.py --data FOLDER

The crystals are those of the test sets of both models, at the geometry of their target.
"""

from __future__ import annotations

import argparse
import json
import logging
import warnings
from pathlib import Path

import numpy as np
from recipes import RECIPES

from ase_orbital import Predictor
from ase_orbital.checksums import TEST_IDS
from ase_orbital.predict.contradictions import contradict
from ase_orbital.properties import BAND_GAP, METAL_PROBABILITY

logger = logging.getLogger("contradictions")
MODELS = ["eosnet-band-gap-mp2018", "eosnet-metal-mp2018"]
HERE = Path(__file__).parent


def main() -> None:
    """Predict, and print the shares and errors."""
    parser = argparse.ArgumentParser(description="Count contradictions of two models.")
    parser.add_argument("--data", type=Path, required=True)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    read = RECIPES[MODELS[0]].read(parser.parse_args().data)
    names = [json.loads((HERE / at / TEST_IDS).read_text("utf-8")) for at in MODELS]
    both = set.intersection(*map(set, names))
    crystals = [
        atoms
        for atoms in read
        if str(atoms.info["id"]) in both and atoms.info["geometry"] == 2020
    ]
    warnings.simplefilter("ignore")  # what is counted here, and monolayers
    records = Predictor(MODELS).predict_many(crystals, progress=True)
    known = np.array([atoms.info["band_gap"] for atoms in crystals])
    gaps = np.array([record[BAND_GAP] for record in records])
    metals = np.array([record[METAL_PROBABILITY] >= 0.5 for record in records])
    found = np.array([contradict(record) for record in records])
    for name, chosen in (("contradictory", found), ("others", ~found)):
        error = np.abs(gaps - known)[chosen].mean()
        wrong = (metals != (known <= 0.0))[chosen].mean()
        logger.info(
            "%s: %d of %d, error of the gap %.3f eV, %.1f %% in the wrong class",
            name, chosen.sum(), len(chosen), error, 100.0 * wrong,
        )  # fmt: skip


if __name__ == "__main__":
    main()
