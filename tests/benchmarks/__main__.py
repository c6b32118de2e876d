"""python -m tests.benchmarks: measure this package against other packages."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import warnings
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ase_orbital.numerics.interpreter import interpreter

# Module and function that yield the rows of the table, imported when needed.
BENCHMARKS = {
    "ofm-matminer": "ofm.matminer",
    "ofm-atoms": "ofm.atoms",
    "ofm-linear": "ofm.linear",
    "gom-eigenvalues": "gom.eigenvalues",
    "gom-alone": "gom.alone",
    "gom-blocks": "neighbors.blocks",
    "gom-libfp": "gom.libfp",
    "gom-threads": "gom.two_threads",
    "gom-memory": "gom.memory",
    "gom-soap": "soap.soap",
    "neighbors-vesin": "neighbors.vesin",
    "symmetry-spglib": "neighbors.spglib",
    "symmetry-moyopy": "neighbors.moyopy",
    "symmetry-reformpy": "symmetry.reformpy",
    "predict-megnet": "prediction.megnet",
    "predict-matminer": "prediction.matminer",
    "predict-steps": "steps.steps",
    "latency": "latency.predict",
    "latency-overhead": "latency.overhead",
    "parallel-runs": "parallel_runs.runs",
    "import": "latency.importing",
    "kernel-mish": "kernels.activations",
    "kernel-maximum": "kernels.maxima",
    "kernel-norm": "kernels.normalizations",
    "start": "latency.start",
    "epoch-eosnet": "epochs.eosnet",
    "epoch-compiled": "epochs.eosnet_compiled",
    "epoch-ocrystalnet": "epochs.ocrystalnet",
}
# The same for --device, where the functions take a Device instead of the sets.
DEVICE_BENCHMARKS = {
    "gom": "device.gom",
    "networks": "device.networks",
    "predictions": "device.predictions",
    "epochs": "device.epochs",
}
PACKAGES = (
    "torch", "numpy", "numba", "ase", "matgl", "vesin", "spglib", "moyopy", "matminer",
    "libfp", "dscribe", "reformpy",
)  # fmt: skip


def main() -> None:
    """Measure the chosen rows, and print each one as soon as it is measured."""
    interpreter.disable()
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument(
        "--only", nargs="+", choices=BENCHMARKS | DEVICE_BENCHMARKS, metavar="NAME",
        help=f"rows to measure: {', '.join(BENCHMARKS)}; with --device: "
        f"{', '.join(DEVICE_BENCHMARKS)}",
    )  # fmt: skip
    parser.add_argument(
        "--data", type=Path,
        help="folder with perovskites, jarvis_subset and mp2018 as .extxyz.gz, for sets P, "
        "J and D",
    )  # fmt: skip
    parser.add_argument(
        "--repetitions",
        type=int,
        default=5,
        help="number of timings, whose median is taken",
    )
    parser.add_argument(
        "--device", help="such as cuda: measure that device against all CPU threads"
    )
    parser.add_argument(
        "--atoms", type=int, default=5120, help="with --device: number of atoms in each set"
    )
    arguments = parser.parse_args()
    # To be set before numpy and torch are imported: one thread unless a row sets another.
    n_threads = len(os.sched_getaffinity(0)) if arguments.device else 1
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = str(n_threads)
    warnings.simplefilter("ignore")  # other packages emit many

    import torch

    from .sets import Sets
    from .table import HEADER, SkippedError

    torch.set_num_threads(n_threads)
    benchmarks, subject = BENCHMARKS, Sets(arguments.data)
    if arguments.device:
        from .device import Device

        benchmarks, subject = DEVICE_BENCHMARKS, Device(arguments.device, arguments.atoms)
    skipped = []
    show(HEADER)
    for name in arguments.only or benchmarks:
        module, _, function = benchmarks[name].partition(".")
        try:
            measure = getattr(import_module(f".{module}", __package__), function)
            for row in measure(subject, arguments.repetitions):
                show(str(row))
        except SkippedError as error:
            skipped.append(f"Skipped: {name}: {error}.")
    if arguments.data is None and not arguments.device:
        skipped.append("Without --data there are no sets P, J and D.")
    for line in ("", *skipped, machine()):
        show(line)


def machine() -> str:
    """Describe the machine and the versions of the packages."""
    installed = []
    for name in PACKAGES:
        try:
            installed.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    import torch

    if torch.cuda.is_available():
        installed.append(torch.cuda.get_device_name())
    python = f"Python {platform.python_version()}"
    return f"On {os.cpu_count()} cores, {python}, {', '.join(installed)}."


def show(line: str) -> None:
    """Print a line at once, also if the output is a file."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
