"""Kill commands that write: the file is old, absent or complete, and the next run works."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from ase.build import bulk
from ase.io import write

from .outcomes import ANSWERED, WRONG, Try

MODEL = "eosnet-fermi-energy-mp2018"
OUTPUTS = ("out.csv", "out.extxyz", "out.db", "out.json")


def attack(number: int, seed: int):
    """Yield what became of each killed command, and of the same command afterwards."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        salt = bulk("NaCl", "rocksalt", a=5.64, cubic=True) * (2, 2, 2)
        write(folder / "in.extxyz", [salt.copy() for _ in range(200)])
        for output in OUTPUTS:
            start = time.monotonic()
            subprocess.run(words(folder, output), check=True, capture_output=True)
            seconds = time.monotonic() - start
            complete = length(folder / output)
            for index in range(number // len(OUTPUTS)):
                rng = np.random.default_rng([seed, index])
                yield killed(folder, output, seconds, rng, complete)


def words(folder: Path, output: str) -> list[str]:
    given, out = str(folder / "in.extxyz"), str(folder / output)
    return [sys.executable, "-m", "ase_orbital", "predict", given, "-m", MODEL, "-o", out]


def length(path: Path) -> int:
    """Number of rows; 0 if there is no file."""
    from ase_orbital.databases import connect

    if not path.exists():
        return 0
    if path.suffix == ".db":
        return connect(path).count()
    return path.read_text().count("fermi_energy")


def killed(folder, output, seconds, rng, complete) -> Try:
    path, how = folder / output, (signal.SIGKILL, signal.SIGTERM)[int(rng.integers(2))]
    if rng.random() < 0.5:
        path.unlink()
    before = length(path)
    # Most of a run is imports; the end, where files are written, is what counts.
    delay = seconds * (1.0 - 0.5 * rng.random() ** 2)
    what = f"{output} {how.name} after {delay:.2f} of {seconds:.2f} s"
    process = subprocess.Popen(
        words(folder, output), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        process.wait(delay)
    except subprocess.TimeoutExpired:
        process.send_signal(how)
        process.wait()
    try:
        left = length(path)
    except Exception as error:
        return Try(what, WRONG, f"the file cannot be read: {error!r}")
    if left not in (before, complete):
        return Try(what, WRONG, f"{left} of {complete} rows are left")
    try:
        again = subprocess.run(
            words(folder, output), capture_output=True, text=True, timeout=10 * seconds + 60
        )
    except subprocess.TimeoutExpired:
        return Try(what, WRONG, "the next run hangs")
    if again.returncode or length(path) != complete:
        return Try(what, WRONG, again.stderr[-200:])
    hidden = [at.name for at in folder.iterdir() if at.name.startswith(f".{output}")]
    return Try(what, WRONG if hidden else ANSWERED, f"{hidden} were left")
