"""Predict, simulate and load again and again: the memory stays as it is."""

from __future__ import annotations

import time

import numpy as np
from ase import units
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.md.langevin import Langevin

from ase_orbital import Predictor
from ase_orbital.search import Recorder
from ase_orbital.testing.__main__ import structures

from ..benchmarks.memory import memory
from .outcomes import ANSWERED, WRONG, Try

MODEL = "eosnet-fermi-energy-mp2018"
ELEMENTS = ["O", "Na", "Si", "Cl", "Ti", "Cu"]
LARGEST = 30.0  # MiB; a recorder keeps about 1 kB for each step


def attack(number: int, seed: int):
    """Yield `number` predictions, a tenth as many steps, and a hundredth as many models."""
    crystals = list(structures(200, 8, seed, ELEMENTS, (10.0, 40.0)))
    predictor = Predictor(MODEL, device="cpu")
    yield measured(
        f"{number} predictions",
        number,
        lambda step: predictor.predict(moved(crystals[step % 200], step)),
    )
    atoms = bulk("Cu", cubic=True) * (2, 2, 2)
    atoms.calc = EMT()
    dynamics = Langevin(
        atoms,
        2.0 * units.fs,
        temperature_K=300,
        friction=0.02,
        fixcm=False,
        rng=np.random.default_rng(seed),
    )
    recorder = Recorder(predictor)
    recorder.watch(dynamics, interval=1)
    steps = number // 10
    yield measured(f"{steps} steps of dynamics", steps, lambda _: dynamics.run(1))
    models = number // 100

    def load(step):
        Predictor(MODEL, device="cpu").predict(crystals[step % 200])

    yield measured(f"{models} predictors", models, load)


def moved(atoms, seed: int):
    """A structure that was never seen before."""
    other = atoms.copy()
    other.positions += np.random.default_rng(seed).normal(scale=0.01, size=(len(atoms), 3))
    return other


def measured(what: str, number: int, work) -> Try:
    """Compare the memory after a fifth of the work with that at the end."""
    start, first, before = time.monotonic(), max(1, number // 5), 0.0
    for step in range(number):
        work(step)
        if step + 1 == first:
            before = memory("VmRSS")
    growth = memory("VmRSS") - before
    seconds = time.monotonic() - start
    detail = f"{growth:+.1f} MiB from {before:.0f} MiB after a fifth; {seconds:.0f} s"
    return Try(what, ANSWERED if growth < LARGEST else WRONG, detail)
