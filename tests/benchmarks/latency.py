"""What one prediction and an import cost."""

from __future__ import annotations

import resource
import subprocess
import sys
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import torch
from pymatgen.io.ase import AseAtomsAdaptor

from ase_orbital import Predictor, load_model
from ase_orbital.predict.prepared_model import PreparedModel

from .prediction import EOSNET, new_megnet
from .sets import rattled_titanates, titanate
from .table import Row
from .timing import in_turns, medians

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .sets import Sets

CALLS = 30  # predictions a repetition, every one of another crystal
IMPORT = """
from time import perf_counter
start = perf_counter()
import {}
print(perf_counter() - start)
"""


def predict(_: Sets, repetitions: int) -> Iterator[Row]:
    """One crystal of 5 atoms, beside MEGNet, and one of 200."""
    predictor = Predictor(EOSNET, device="cpu")
    model = new_megnet()
    small = [titanate(3.8 + 0.005 * index) for index in range(CALLS)]
    structures = [AseAtomsAdaptor.get_structure(atoms) for atoms in small]
    ours, theirs = medians(
        lambda: [predictor.predict(atoms) for atoms in small],
        lambda: [model.predict_structure(structure) for structure in structures],
        repetitions=repetitions,
    )
    yield Row(
        what="EOSNet predict, against matgl's MEGNet",
        crystals="SrTiO3, 5 atoms",
        unit="ms",
        ours=1000.0 * ours / CALLS,
        against=1000.0 * theirs / CALLS,
        limit=3,
    )
    large = rattled_titanates((2, 2, 10), 5)
    (seconds,) = medians(
        lambda: [predictor.predict(atoms) for atoms in large], repetitions=repetitions
    )
    yield Row(
        what="EOSNet predict",
        crystals="rattled SrTiO3, 200 atoms",
        unit="ms",
        ours=1000.0 * seconds / len(large),
        limit=60,
    )


def overhead(_: Sets, repetitions: int) -> Iterator[Row]:
    """One prediction, less what its descriptor and its network take for that crystal."""
    model = PreparedModel(
        load_model(EOSNET), device=torch.device("cpu"), dtype=torch.float32
    )
    predictor = Predictor(EOSNET, device="cpu")
    descriptor = model.featurization.descriptor
    for crystals, cells in (
        ("SrTiO3, 5 atoms", [titanate(3.8 + 0.005 * index) for index in range(CALLS)]),
        ("rattled SrTiO3, 200 atoms", rattled_titanates((2, 2, 10), 5)),
    ):
        # The difference of what was timed at nearly one moment, crystal by crystal.
        left = []
        for atoms in cells:
            graph = model.batch([atoms])
            turns = in_turns(
                partial(predictor.predict, atoms),
                partial(descriptor.create, atoms),
                torch.inference_mode()(partial(model.predict_graphs, graph)),
                repetitions=repetitions,
            )
            left += [whole - rows - run for whole, rows, run in turns]
        yield Row(
            what="EOSNet predict, less descriptor and network",
            crystals=crystals,
            unit="ms",
            ours=1000.0 * median(left),
            limit=1,
        )


def importing(_: Sets, repetitions: int) -> Iterator[Row]:
    """Import of the package against import of ASE, in fresh processes."""
    times: dict[str, list[float]] = {"ase_orbital": [], "ase": []}
    for _ in range(2 * repetitions):
        for name, own in times.items():
            command = [sys.executable, "-c", IMPORT.format(name)]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            own.append(float(done.stdout))
    yield Row(
        what="import ase_orbital, against import ase",
        crystals="",
        unit="ms",
        ours=1000.0 * median(times["ase_orbital"]),
        against=1000.0 * median(times["ase"]),
        min_ratio=0.9,
    )


def start(_: Sets, repetitions: int) -> Iterator[Row]:
    """Processor time of a command that predicts for one crystal, in fresh processes."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "SrTiO3.cif"
        titanate(3.9).write(file)
        ours, against = medians_of_commands(
            ["-m", "ase_orbital", "value", str(file), "--model", EOSNET, "--device", "cpu"],
            ["-c", "import torch, ase.io"],
            repetitions=2 * repetitions,
        )
    yield Row(
        what="ase-orbital value, against import torch, ase.io",
        crystals="SrTiO3, 5 atoms",
        unit="ms",
        ours=1000.0 * ours,
        against=1000.0 * against,
        min_ratio=0.8,
    )


def medians_of_commands(*commands: list[str], repetitions: int) -> list[float]:
    """Median processor time of Python commands that are run in turns, in seconds."""
    times: list[list[float]] = [[] for _ in commands]
    for turn in range(repetitions + 1):
        for own, words in zip(times, commands, strict=True):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run([sys.executable, *words], check=True, stdout=subprocess.DEVNULL)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            if turn:  # the first one may have to compile
                spent = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
                own.append(spent)
    return [median(own) for own in times]
