"""Measure models away from equilibrium, and print a table.

    python pretrained/off_equilibrium.py eosnet-formation-energy-mp2018 --structures FILE

The structures are those of `off_equilibrium_set.py`, up to 2.5 eV/atom above the crystal.
For each kind of distortion the table has the mean change of the energy in truth and in
prediction, the mean absolute error of the change, the share of crystals whose energy falls,
the correlation, the share of energies in their 90 % intervals, and the share of crystals in
the domain. Further tables follow the energy along relaxations of random candidates, and
count such candidates in the domains of other models.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import spearmanr

from ase_orbital import Predictor
from ase_orbital.properties import FORMATION_ENERGY, IN_DOMAIN, STD
from ase_orbital.structure import read_frames
from ase_orbital.training.metrics import coverage

if TYPE_CHECKING:
    from ase import Atoms

RELAXED_MODELS = (
    "eosnet-band-gap-mp2018",
    "eosnet-bulk-modulus-mp",
    "eosnet-shear-modulus-mp",
    "eosnet-fermi-energy-mp2018",
    "ocrystalnet-band-gap-mp2018",
    "ocrystalnet-bulk-modulus-mp",
)
HIGHEST = 2.5  # eV/atom above the crystal: atoms are closer than the potential knows
HEAD = (
    "| structures | change, eV/atom | predicted | error | falling | correlation "
    "| in the 90 % interval | in the domain |\n|---|---|---|---|---|---|---|---|"
)


def grouped(structures: list[Atoms], key: str) -> dict[str, list[Atoms]]:
    """Return structures by what their `info` has under a key, in their order."""
    groups: dict[str, list[Atoms]] = defaultdict(list)
    for atoms in structures:
        groups[atoms.info[key]].append(atoms)
    return groups


class Values:
    """Known and predicted energies of some structures, eV/atom."""

    def __init__(self, predictor: Predictor, structures: list[Atoms]) -> None:
        records = predictor.predict_many(structures)

        def column(name: str) -> Any:
            return np.array([record[name] for record in records])

        self.known = np.array([atoms.info[FORMATION_ENERGY] for atoms in structures])
        self.predicted, self.std = column(FORMATION_ENERGY), column(FORMATION_ENERGY + STD)
        self.inside = column(IN_DOMAIN)


def distortions(predictor: Predictor, rows: dict[str, list[Atoms]]) -> list[str]:
    """Return the rows of the first table."""
    crystals = Values(predictor, rows["crystal"])
    error = np.abs(crystals.predicted - crystals.known).mean()
    covered = coverage(crystals.known, crystals.predicted, crystals.std)
    inside = crystals.inside.mean()
    lines = [f"| crystal | | | {error:.4f} | | | {covered:.2f} | {inside:.2f} |"]
    for row, structures in rows.items():
        if row in ("crystal", "candidate", "relaxation"):
            continue
        values = Values(predictor, structures)
        change = values.known - crystals.known
        kept = np.abs(change) < HIGHEST
        change = change[kept]
        found = (values.predicted - crystals.predicted)[kept]
        energies = (at[kept] for at in (values.known, values.predicted, values.std))
        numbers = [
            f"{change.mean():.4f}",
            f"{found.mean():.4f}",
            f"{np.abs(found - change).mean():.4f}",
            f"{(found < 0.0).mean():.2f}",
            f"{np.corrcoef(found, change)[0, 1]:.2f}",
            f"{coverage(*energies):.2f}",
            f"{values.inside[kept].mean():.2f}",
        ]
        lines.append(f"| {row} | {' | '.join(numbers)} |")
    return lines


def relaxations(predictor: Predictor, structures: list[Atoms]) -> list[str]:
    """Return the median rank correlation along the relaxations of each system."""
    systems: dict[str, list[float]] = defaultdict(list)
    for name, steps in grouped(structures, "id").items():
        predicted = [each[FORMATION_ENERGY] for each in predictor.predict_many(steps)]
        energies = [atoms.info["potential"] for atoms in steps]
        systems[name.split()[0]].append(spearmanr(predicted, energies).statistic)
    return [
        f"| {name} | {np.median(values):.3f} | {min(values):.3f} |"
        for name, values in systems.items()
    ]


def shares_inside(names: list[str], rows: dict[str, list[Atoms]]) -> list[str]:
    """Return the shares in the domain of each model: crystals, rattled, candidates."""
    lines = []
    for name in names:
        predictor, shares = Predictor(name, domain=True), []
        for row in ("crystal", "rattled 0.12 Å", "candidate"):
            records = predictor.predict_many(rows[row], errors="record")
            shares.append(f"{np.nanmean([each[IN_DOMAIN] for each in records]):.2f}")
        lines.append(f"| {Path(name).name} | {' | '.join(shares)} |")
    return lines


def main() -> None:
    """Measure, and print the tables."""
    parser = argparse.ArgumentParser(description="Measure models off equilibrium.")
    parser.add_argument("model", help="name or folder of a model of formation energies")
    parser.add_argument("--structures", type=Path, required=True)
    parser.add_argument("--others", nargs="*", default=RELAXED_MODELS, metavar="MODEL")
    arguments = parser.parse_args()
    rows = grouped(list(read_frames(arguments.structures)), "row")
    predictor = Predictor(arguments.model, domain=True)
    tables = [
        (HEAD, distortions(predictor, rows)),
        (
            "| relaxations | rank correlation, median | least |\n|---|---|---|",
            relaxations(predictor, rows["relaxation"]),
        ),
        (
            "| share in the domain | crystals | rattled by 0.12 Å | random candidates |\n"
            "|---|---|---|---|",
            shares_inside([arguments.model, *arguments.others], rows),
        ),
    ]
    for head, lines in tables:
        sys.stdout.write("\n".join(["", head, *lines, ""]))


if __name__ == "__main__":
    main()
