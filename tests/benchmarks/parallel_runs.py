"""ASE runs at the same time, whose recorders share one Predictor."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from statistics import median
from time import process_time
from typing import TYPE_CHECKING

from ase.build import bulk
from ase.calculators.emt import EMT
from ase.optimize import FIRE

from ase_orbital import Predictor
from ase_orbital.search import Recorder

from .prediction import EOSNET
from .table import Row

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .sets import Sets

RUNS = 8
STEPS = 25


def run(seed: int, predictor: Predictor) -> None:
    """Relax a rattled crystal for some steps, and predict at each."""
    atoms = bulk("Cu", a=3.7, cubic=True)
    atoms.rattle(0.2, seed=seed)
    atoms.calc = EMT()
    recorder = Recorder(predictor)
    with FIRE(atoms, logfile=None) as optimizer:
        recorder.watch(optimizer)
        optimizer.run(fmax=0.0, steps=STEPS)


def runs(_: Sets, repetitions: int) -> Iterator[Row]:
    """Eight runs in 2 and in 8 threads, against one after another, in processor time.

    Processor time shows what threads cost each other, also where cores are shared.
    """
    work = partial(run, predictor=Predictor(EOSNET, device="cpu"))
    work(0)
    costs: dict[int, list[float]] = {1: [], 2: [], 8: []}
    for _ in range(repetitions):
        for n_threads, own in costs.items():
            with ThreadPoolExecutor(n_threads) as pool:
                start = process_time()
                list(pool.map(work, range(RUNS)))
                own.append(1000.0 * (process_time() - start) / RUNS / STEPS)
    for n_threads in (2, 8):
        yield Row(
            what=f"a step of 8 relaxations with one Predictor in {n_threads} threads",
            crystals="Cu, 4 atoms",
            unit="ms",
            ours=median(costs[n_threads]),
            against=median(costs[1]),
            min_ratio=0.9,
        )
