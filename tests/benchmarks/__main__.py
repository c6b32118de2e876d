"""python -m tests.benchmarks: how fast this is, beside what else there is."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import warnings
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

# Module and function that give the rows; imported when asked for.
BENCHMARKS = {
    "ofm-matminer": "ofm.matminer",
    "ofm-atoms": "ofm.atoms",
    "ofm-linear": "ofm.linear",
    "gom-eigenvalues": "gom.eigenvalues",
    "gom-alone": "gom.alone",
    "gom-libfp": "gom.libfp",
    "gom-threads": "gom.two_threads",
    "gom-memory": "gom.memory",
    "gom-soap": "soap.soap",
    "symmetry-reformpy": "symmetry.reformpy",
    "predict-megnet": "prediction.megnet",
    "predict-matminer": "prediction.matminer",
    "predict-steps": "steps.steps",
    "latency": "latency.predict",
    "latency-overhead": "latency.overhead",
    "import": "latency.importing",
    "epoch-eosnet": "epochs.eosnet",
    "epoch-compiled": "epochs.eosnet_compiled",
    "epoch-ocrystalnet": "epochs.ocrystalnet",
}
PACKAGES = (
    "torch", "numpy", "numba", "ase", "matgl", "matminer", "libfp", "dscribe", "reformpy",
)  # fmt: skip


def main() -> None:
    """Measure what is asked for, and print each row as soon as it is there."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument(
        "--only", nargs="+", choices=BENCHMARKS, default=list(BENCHMARKS), metavar="NAME",
        help=f"rows to measure: {', '.join(BENCHMARKS)}",
    )  # fmt: skip
    parser.add_argument(
        "--data", type=Path,
        help="folder with perovskites, jarvis_subset and mp2018 as .extxyz.gz, for sets P, "
        "J and D",
    )  # fmt: skip
    parser.add_argument(
        "--repetitions", type=int, default=5, help="of which the median is taken"
    )
    arguments = parser.parse_args()
    # Before numpy and torch are imported: one thread unless a row says otherwise.
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"
    warnings.simplefilter("ignore")  # the peers' own

    import torch

    from .sets import Sets
    from .table import HEADER, SkippedError

    torch.set_num_threads(1)
    sets = Sets(arguments.data)
    skipped = []
    show(HEADER)
    for name in arguments.only:
        module, _, function = BENCHMARKS[name].partition(".")
        measure = getattr(import_module(f".{module}", __package__), function)
        try:
            for row in measure(sets, arguments.repetitions):
                show(str(row))
        except SkippedError as error:
            skipped.append(f"Skipped: {name}: {error}.")
    if arguments.data is None:
        skipped.append("Without --data there are no sets P, J and D.")
    for line in ("", *skipped, machine()):
        show(line)


def machine() -> str:
    """What it was measured on."""
    installed = []
    for name in PACKAGES:
        try:
            installed.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    python = f"Python {platform.python_version()}"
    return f"On {os.cpu_count()} cores, {python}, {', '.join(installed)}."


def show(line: str) -> None:
    """Print at once, also into a file."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
