"""Run the conformance checks on many random structures, and keep the worst ones.

python -m ase_orbital.testing gom --number 1000 -o worst.extxyz
python -m ase_orbital.testing eosnet-band-gap-mp2018 --number 1000
"""

from __future__ import annotations

import argparse
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from ase.io import write
from tqdm import tqdm

from ase_orbital.descriptors.elemental import ElementalFeatures
from ase_orbital.descriptors.gom import GOM
from ase_orbital.descriptors.ofm import OFM
from ase_orbital.descriptors.onehot import OneHot
from ase_orbital.descriptors.orientation import OrientationalOrder
from ase_orbital.predict.periodicity import PeriodicityWarning
from ase_orbital.testing.conformance import conformance, descriptor_check, predictor_check
from ase_orbital.testing.random_structures import KINDS, LATTICES, SITES, random_structure
from ase_orbital.zoo.folders import read_card

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ase import Atoms

    from ase_orbital.testing.conformance import Check

DESCRIPTORS = {
    "gom": GOM(n_eigenvalues=33),
    "gom-sp": GOM(cutoff=5.0, orbitals="sp", n_eigenvalues=40),
    "ofm": OFM(),
    "elemental": ElementalFeatures(),
    "onehot": OneHot(),
    "orientation": OrientationalOrder(),
}


def main(words: Sequence[str] | None = None) -> int:
    """Run the command; the exit status is 1 if a law is violated."""
    parser = argparse.ArgumentParser(prog="python -m ase_orbital.testing")
    parser.add_argument("subject", help=f"{', '.join(DESCRIPTORS)}, a model or a folder")
    parser.add_argument("--number", type=int, default=100, help="number of structures")
    parser.add_argument("--atoms", type=int, default=60, help="largest number of atoms")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--volumes", type=float, nargs=2, default=(2.0, 200.0), metavar=("LOW", "HIGH"),
        help="smallest and largest volume per atom, Å^3",
    )  # fmt: skip
    parser.add_argument("-o", "--output", type=Path, help="file for the worst structures")
    parser.add_argument(
        "--processes", action="store_true", help="also compute in another process"
    )
    arguments = parser.parse_args(words)
    known, check, tolerance = subject(arguments.subject, processes=arguments.processes)
    drawn = structures(
        arguments.number, arguments.atoms, arguments.seed, known, tuple(arguments.volumes)
    )
    shown = tqdm(drawn, total=arguments.number, disable=not sys.stderr.isatty())
    with warnings.catch_warnings():
        # Models of crystals are tried on slabs and molecules, too.
        warnings.simplefilter("ignore", PeriodicityWarning)
        findings = conformance(check, shown, tolerance=tolerance, seed=arguments.seed)
    for law, size, allowed, atoms in findings:
        verdict = "ok" if size <= allowed else "VIOLATED"
        line = f"{law:24} {size:9.2e} of {allowed:7.0e}  {verdict:9} {atoms.symbols}"
        sys.stdout.write(line + "\n")
    if arguments.output:
        worst = [finding.structure.copy() for finding in findings]
        for atoms, finding in zip(worst, findings, strict=True):
            atoms.info |= {"law": finding.law, "violation": finding.size}
        write(arguments.output, worst)
    return int(not all(finding.passed for finding in findings))


def subject(name: str, *, processes: bool = False) -> tuple[list[str] | None, Check, float]:
    """Return the elements that a descriptor or model knows, its check and a tolerance."""
    if name in DESCRIPTORS:
        return None, descriptor_check(DESCRIPTORS[name], processes=processes), 1e-9
    import torch

    from ase_orbital.elements import SYMBOLS
    from ase_orbital.predict.predictor import Predictor

    settings = read_card(name).settings
    elements = [SYMBOLS[number] for number in settings.get("elements") or []]
    scale = {settings["property_name"]: float(settings["target_scale"])}
    double = Predictor(name, device="cpu", dtype=torch.float64)
    return elements or None, predictor_check(double, scale, processes=processes), 1e-7


def structures(
    number: int,
    most_atoms: int,
    seed: int,
    elements: list[str] | None,
    volumes: tuple[float, float] = (2.0, 200.0),
) -> Iterator[Atoms]:
    """Draw structures of all kinds, of known elements."""
    given = {} if elements is None else {"elements": elements}
    for index in range(number):
        rng = np.random.default_rng([seed, index])
        yield random_structure(
            rng,
            kind=KINDS[rng.choice(4, p=[0.7, 0.1, 0.1, 0.1])],
            lattice=LATTICES[index % len(LATTICES)],
            n_atoms=int(rng.integers(1, most_atoms, endpoint=True)),
            volume=float(np.exp(rng.uniform(*np.log(volumes)))),
            sites=SITES[rng.choice(3)],
            skewed=bool(rng.choice(2)),
            **given,
        )


if __name__ == "__main__":
    sys.exit(main())
