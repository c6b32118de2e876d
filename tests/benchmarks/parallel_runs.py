"""ASE runs at the same time, whose recorders share one Predictor."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from multiprocessing import get_context
from typing import TYPE_CHECKING

from ase.build import bulk
from ase.calculators.emt import EMT
from ase.optimize import FIRE

from ase_orbital import Predictor
from ase_orbital.search import Recorder

from .prediction import EOSNET
from .table import Row
from .timing import medians

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
    """Eight runs in 2 and 8 threads and in 2 processes, against one after another."""
    predictor = Predictor(EOSNET, device="cpu")
    work = partial(run, predictor=predictor)
    with (
        ThreadPoolExecutor(2) as two,
        ThreadPoolExecutor(8) as eight,
        ProcessPoolExecutor(2, get_context("spawn")) as processes,
    ):
        pools = {"2 threads": two, "8 threads": eight, "2 processes": processes}
        once, *others = medians(
            lambda: [work(seed) for seed in range(RUNS)],
            *(partial(_in, pool, work) for pool in pools.values()),
            repetitions=repetitions,
        )
    for name, seconds in zip(pools, others, strict=True):
        yield Row(
            what=f"8 relaxations with one Predictor in {name}, against one by one",
            crystals="Cu, 4 atoms",
            unit="steps/s",
            ours=RUNS * STEPS / seconds,
            against=RUNS * STEPS / once,
            min_ratio=0.9,
        )


def _in(pool: ThreadPoolExecutor | ProcessPoolExecutor, work: partial[None]) -> None:
    """Do the runs in a pool."""
    list(pool.map(work, range(RUNS)))
