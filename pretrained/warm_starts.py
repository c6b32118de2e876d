"""Compare training from random weights with training from a shipped model.

    python pretrained/warm_starts.py --data FOLDER --runs FOLDER

Five targets, with 300 crystals to train on, 60 for validation and 300 for the test, of at
most 8 atoms. The table of docs/how-to/add-a-property.md is printed. Finished runs are not
repeated.
"""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ase_orbital.readers import read_frames
from ase_orbital.training import TrainingSettings
from ase_orbital.training.series import train_series

if TYPE_CHECKING:
    from ase import Atoms

# Files, columns and transforms; what is learned as logarithm has values of many sizes.
TARGETS = {
    "HSE gap": ("band_gap_hse", "band_gap_hse", "identity"),
    "MBJ gap": ("jarvis_subset", "band_gap_mbj", "identity"),
    "log refractive index": ("dielectric_matbench", "refractive_index", "log10"),
    "log phonon peak": ("phonons_matbench", "last_phdos_peak", "log10"),
    "log bulk modulus": ("moduli_matbench", "bulk_modulus", "log10"),
}
START = {"start_from": "eosnet-formation-energy-mp2018"}
VARIANTS: dict[str, dict[str, Any]] = {
    "cold": {},
    "new read-out, trunk rate 0.3": START | {"new_readout": True, "trunk_rate": 0.3},
    "all weights, full rate": START | {"new_readout": False, "trunk_rate": 1.0},
    "all weights, trunk rate 0.3": START | {"new_readout": False, "trunk_rate": 0.3},
    "new read-out, two frozen layers": START
    | {"new_readout": True, "trunk_rate": 0.3, "frozen_layers": 2},
}
SIZES = (300, 60, 300)
MOST_ATOMS = 8
SHARED: dict[str, Any] = {
    "sizes": SIZES,
    "epochs": 60,
    "members": 1,
    "accelerator": "cpu",
    "progress": False,
}


def read(folder: Path, file: str, column: str, seed: int) -> list[Atoms]:
    """Draw small crystals with a positive or zero target from a data file."""
    frames = read_frames(folder / f"{file}.extxyz.gz")
    small = [at for at in frames if len(at) <= MOST_ATOMS and column in at.info]
    known = [at for at in small if float(at.info[column]) >= 0.0]
    drawn = np.random.default_rng(seed).permutation(len(known))[: int(sum(SIZES))]
    return [known[index] for index in drawn]


def main() -> None:
    """Train all variants on all targets, and print the errors."""
    parser = argparse.ArgumentParser(description="Compare warm starts.")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--runs", type=Path, required=True)
    parser.add_argument("--variants", nargs="+", default=list(VARIANTS), choices=VARIANTS)
    parser.add_argument("--seed", type=int, default=0, help="of crystals and weights")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    columns = []
    for target, (file, column, transform) in TARGETS.items():
        settings = TrainingSettings(
            property_name="target",
            column=column,
            transform=transform,
            seed=arguments.seed,
            **SHARED,
        )
        crystals = read(arguments.data, file, column, arguments.seed)
        rows = train_series(
            (crystals, [atoms.info[column] for atoms in crystals]),
            arguments.runs / f"{file}.csv",
            settings,
            [
                ({"target": target, "start": name}, VARIANTS[name])
                for name in arguments.variants
            ],
            arguments.runs / "features",
        )
        columns.append([f"{row['mae']:.3g}" for row in rows])
    head = [f"| | {' | '.join(TARGETS)} |", "|---" * (len(TARGETS) + 1) + "|"]
    lines = [
        f"| {name} | {' | '.join(errors)} |"
        for name, errors in zip(arguments.variants, zip(*columns, strict=True), strict=True)
    ]
    sys.stdout.write("\n".join([*head, *lines]) + "\n")


if __name__ == "__main__":
    main()
